"""Pretraining of the text encoder together with a CLIP image tower.

The text tower is a small CLIP text model over the first merges of CLIP's own BPE vocabulary
(merges stand in order of frequency, so the first N are a valid smaller BPE). It learns from two
sides at once: contrastively from images and their prompts (CLIP, arXiv:2103.00020), and by
distillation from a sentence encoder's vectors of content phrases, so that words outside the
corpus land near words inside it.

A batch holds a few concepts, each in several styles: telling them apart takes both halves of a
prompt.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from jaxtyping import Float, UInt8
from open_clip.modified_resnet import ModifiedResNet
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer, PreTrainedTokenizerBase

from styledrop.pretraining.stage import Report, Schedule, train_stage

_IMAGE_MEAN = (0.5, 0.5, 0.5)
_IMAGE_STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipTraining:
    """Sizes of both towers and how they are trained."""

    schedule: Schedule
    """`batch_size` counts images; as many phrases are distilled each step."""
    num_merges: int = 4096
    max_length: int = 24
    """Tokens of a padded prompt; every one costs time in the generator's cross-attention."""
    width: int = 256
    layers: int = 4
    heads: int = 4
    embed_dim: int = 256
    image_layers: tuple[int, int, int, int] = (1, 1, 2, 1)
    image_width: int = 32
    image_size_px: int = 64
    styles_per_concept: int = 4
    distill_weight: float = 2.0


class ClipTowers(nn.Module):
    """Text and image tower, with the temperature and the map to the sentence encoder's space."""

    def __init__(self, training: ClipTraining, text: CLIPTextModelWithProjection, sentence_width: int) -> None:
        super().__init__()
        self.text = text
        self.image = ModifiedResNet(
            layers=list(training.image_layers),
            output_dim=training.embed_dim,
            heads=training.image_width * 32 // 64,
            image_size=training.image_size_px,
            width=training.image_width,
        )
        self.to_sentence = nn.Linear(training.embed_dim, sentence_width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.66))  # ln(1 / 0.07), CLIP's start


def build_tokenizer(training: ClipTraining, folder: Path) -> PreTrainedTokenizerBase:
    """Write and load a CLIP tokenizer with the first `num_merges` merges of CLIP's vocabulary."""
    source = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(source.read_bytes()).decode("utf-8").split("\n")
    merges = lines[1 : training.num_merges + 1]  # the first line is a comment
    byte_symbols = list(open_clip.tokenizer.bytes_to_unicode().values())
    symbols = byte_symbols + [symbol + "</w>" for symbol in byte_symbols]
    symbols += ["".join(merge.split()) for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({symbol: i for i, symbol in enumerate(symbols)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    tokenizer = CLIPTokenizer.from_pretrained(
        folder, model_max_length=training.max_length, pad_token="<|endoftext|>", unk_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_text_model(training: ClipTraining, vocab_size: int) -> CLIPTextModelWithProjection:
    """A CLIP text model with random weights; the end token is the last of the vocabulary."""
    config = CLIPTextConfig(
        vocab_size=vocab_size,
        hidden_size=training.width,
        intermediate_size=4 * training.width,
        projection_dim=training.embed_dim,
        num_hidden_layers=training.layers,
        num_attention_heads=training.heads,
        max_position_embeddings=training.max_length,
        hidden_act="gelu",
        bos_token_id=vocab_size - 2,
        eos_token_id=vocab_size - 1,
        pad_token_id=vocab_size - 1,
    )
    return CLIPTextModelWithProjection(config)


def train_clip(
    images: UInt8[np.ndarray, "images height width 3"],
    captions: Sequence[str],
    concepts: Sequence[str],
    styles: Sequence[str],
    phrases: dict[str, list[str]],
    sentences: Sequence[str],
    sentence_vectors: Float[np.ndarray, "sentences sentence_width"],
    training: ClipTraining,
    folder: Path,
    *,
    seed: int = 0,
    report: Report | None = None,
) -> tuple[ClipTowers, PreTrainedTokenizerBase]:
    """Train both towers.

    `phrases` holds each style's descriptions; `sentences` with `sentence_vectors` (unit length) are
    what is distilled.
    """
    torch.manual_seed(seed)
    tokenizer = build_tokenizer(training, folder / "tokenizer")
    towers = ClipTowers(training, build_text_model(training, len(tokenizer)), sentence_vectors.shape[1])
    towers.image.to(memory_format=torch.channels_last)
    rows_of: dict[str, list[int]] = {}
    for row, concept in enumerate(concepts):
        rows_of.setdefault(concept, []).append(row)
    groups = [np.array(rows) for rows in rows_of.values()]
    group_weights = np.array([min(len(rows), 16) for rows in groups], dtype=np.float64)
    group_weights /= group_weights.sum()
    batch_size, per_concept = training.schedule.batch_size, training.styles_per_concept

    def texts(prompts: Sequence[str]) -> Tensor:
        ids = tokenizer(
            list(prompts), return_tensors="pt", padding="longest", truncation=True, max_length=training.max_length
        ).input_ids
        return towers.text(input_ids=ids).text_embeds

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        chosen = rng.choice(len(groups), size=batch_size // per_concept, replace=False, p=group_weights)
        rows = np.concatenate([rng.permutation(groups[i])[:per_concept] for i in chosen])
        prompts = []
        for row in rows:
            phrase = phrases[styles[row]][rng.integers(len(phrases[styles[row]]))]
            prompts.append(f"{captions[row]} in {phrase} style")
        pixels = torch.from_numpy(images[rows].astype(np.float32) / 127.5 - 1.0).permute(0, 3, 1, 2)
        if rng.random() < 0.5:
            pixels = pixels.flip(3)
        image = F.normalize(towers.image(pixels.contiguous(memory_format=torch.channels_last)), dim=1)
        distilled = rng.integers(len(sentences), size=batch_size)
        embedded = texts(prompts + [sentences[i] for i in distilled])
        text = F.normalize(embedded[: len(prompts)], dim=1)
        logits = towers.logit_scale.exp().clamp(max=100.0) * image @ text.T
        # Two images of one concept and style (a variant's source, a plural) are both right.
        shown = rows.tolist()
        same = torch.tensor([[_same(a, b, concepts, styles) for b in shown] for a in shown])
        target = same.float() / same.float().sum(dim=1, keepdim=True)
        contrastive = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        wanted = torch.from_numpy(sentence_vectors[distilled])
        predicted = F.normalize(towers.to_sentence(embedded[len(prompts) :]), dim=1)
        similarity = (predicted * wanted).sum(dim=1).mean()
        hit = (logits.argmax(dim=1) == torch.arange(len(rows))).float().mean()
        loss = contrastive + training.distill_weight * (1 - similarity)
        return loss, {
            "contrastive": float(contrastive.detach()),
            "distill_cos": float(similarity.detach()),
            "hit": float(hit),
        }

    train_stage(towers, step_loss, training.schedule, folder, seed=seed, report=report, report_every=20)
    return towers, tokenizer


def _same(a: int, b: int, concepts: Sequence[str], styles: Sequence[str]) -> bool:
    return concepts[a] == concepts[b] and styles[a] == styles[b]


def write_open_clip(towers: ClipTowers, training: ClipTraining, tokenizer: Path, folder: Path) -> None:
    """Write the towers as an open_clip local folder (config, safetensors, tokenizer), in fp16."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab_size = towers.text.config.vocab_size
    config = {
        "model_cfg": {
            "embed_dim": training.embed_dim,
            "vision_cfg": {
                "image_size": training.image_size_px,
                "layers": list(training.image_layers),
                "width": training.image_width,
            },
            "text_cfg": {
                "context_length": training.max_length,
                "vocab_size": vocab_size,
                "width": training.width,
                "heads": training.heads,
                "layers": training.layers,
                "hf_tokenizer_name": "tokenizer",
            },
        },
        "preprocess_cfg": {"mean": _IMAGE_MEAN, "std": _IMAGE_STD},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (tokenizer / name).is_file():
            (folder / name).write_bytes((tokenizer / name).read_bytes())
    state = _open_clip_state(towers)
    state = {name: t.detach().half().contiguous() if t.is_floating_point() else t for name, t in state.items()}
    save_file(state, folder / "open_clip_model.safetensors", metadata={"format": "pt"})


def _open_clip_state(towers: ClipTowers) -> dict[str, Tensor]:
    """The towers under open_clip's names: query, key and value are one matrix there, the projection is transposed."""
    text = {name.removeprefix("text_model."): tensor for name, tensor in towers.text.state_dict().items()}
    state = {f"visual.{name}": tensor for name, tensor in towers.image.state_dict().items()}
    state["logit_scale"] = towers.logit_scale.detach()
    state["positional_embedding"] = text["embeddings.position_embedding.weight"]
    state["token_embedding.weight"] = text["embeddings.token_embedding.weight"]
    state["text_projection"] = text["text_projection.weight"].T
    for kind in ("weight", "bias"):
        state[f"ln_final.{kind}"] = text[f"final_layer_norm.{kind}"]
        for layer in range(towers.text.config.num_hidden_layers):
            old, new = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
            qkv = [text[f"{old}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            state[f"{new}.attn.in_proj_{kind}"] = torch.cat(qkv)
            state[f"{new}.attn.out_proj.{kind}"] = text[f"{old}.self_attn.out_proj.{kind}"]
            state[f"{new}.ln_1.{kind}"] = text[f"{old}.layer_norm1.{kind}"]
            state[f"{new}.ln_2.{kind}"] = text[f"{old}.layer_norm2.{kind}"]
            state[f"{new}.mlp.c_fc.{kind}"] = text[f"{old}.mlp.fc1.{kind}"]
            state[f"{new}.mlp.c_proj.{kind}"] = text[f"{old}.mlp.fc2.{kind}"]
    return state
