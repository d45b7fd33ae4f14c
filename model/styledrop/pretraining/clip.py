"""Pretraining of a CLIP image tower for a text encoder that stands (CLIP, arXiv:2103.00020; LiT, arXiv:2111.07991).

All but the last layer of the text tower is frozen, so that what was distilled into it stays, and a step costs
little more than its images. A batch holds a few styles, and concepts that several of these show: most of an image's
negatives share its style or its concept, so telling them apart takes both halves of a prompt. Some batches have
captions alone, so that content counts for itself.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from open_clip.modified_resnet import ModifiedResNet
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.config.pretraining import ClipTraining
from styledrop.pretraining.augmentation import moved, recoloured, softened, to_pixels
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from styledrop.text import TextEncoder

_IMAGE_MEAN = (0.5, 0.5, 0.5)
_IMAGE_STD = (0.5, 0.5, 0.5)


class ClipTowers(nn.Module):
    """A copy of the text encoder, of which only the last layer is trained, an image tower and the temperature."""

    def __init__(self, training: ClipTraining, text: TextEncoder, size_px: int) -> None:
        super().__init__()
        self.tokenizer = text.tokenizer
        self.text = copy.deepcopy(text.model).float().requires_grad_(True)
        self.text.text_model.embeddings.requires_grad_(False)
        self.text.text_model.encoder.layers[:-1].requires_grad_(False)
        self.image = ModifiedResNet(
            layers=list(training.image_layers),
            output_dim=self.text.config.projection_dim,
            heads=training.image_width * 32 // 64,
            image_size=size_px,
            width=training.image_width,
        )
        self.logit_scale = nn.Parameter(torch.tensor(2.66))  # ln(1 / 0.07), CLIP's start

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "texts embedding"]:
        """Unit vectors of `texts`."""
        ids = self.tokenizer(list(texts), return_tensors="pt", padding="longest", truncation=True).input_ids
        return F.normalize(self.text(input_ids=ids).text_embeds, dim=1)


def train_clip(
    images: UInt8[np.ndarray, "images height width 3"],
    captions: Sequence[str],
    concepts: Sequence[str],
    styles: Sequence[str],
    phrases: dict[str, list[str]],
    text: TextEncoder,
    training: ClipTraining,
    run: StageRun,
) -> ClipTowers:
    """Train an image tower for `text`, and a copy of its last layer with it.

    `phrases` holds each style's descriptions.
    """
    torch.manual_seed(run.seed)
    towers = ClipTowers(training, text, images.shape[1])
    towers.image.to(memory_format=torch.channels_last)

    concept_of = np.unique(np.array(concepts), return_inverse=True)[1]
    style_of = np.unique(np.array(styles), return_inverse=True)[1]
    look_of = concept_of * len(styles) + style_of

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = draw_rows(concept_of, style_of, training, rng)
        is_caption_only = rng.random() < training.caption_only
        prompts = []
        for row in rows:
            phrase = phrases[styles[row]][rng.integers(len(phrases[styles[row]]))]
            prompts.append(captions[row] if is_caption_only else f"{captions[row]} in {phrase} style")
        restyled = np.full(len(rows), is_caption_only) & (rng.random(len(rows)) < 0.5)
        pixels = softened(moved(recoloured(to_pixels(images[rows]), restyled, rng), restyled, rng), rng)
        image = F.normalize(towers.image((2 * pixels - 1).contiguous(memory_format=torch.channels_last)), dim=1)
        logits = towers.logit_scale.exp().clamp(max=100.0) * image @ towers.embed_texts(prompts).T
        # All images that a prompt describes are right: those of one look, or of one concept.
        shown = torch.from_numpy((concept_of if is_caption_only else look_of)[rows])
        same = (shown[:, None] == shown[None, :]).float()
        target = same / same.sum(dim=1, keepdim=True)
        contrastive = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        hit = same.gather(1, logits.argmax(dim=1, keepdim=True)).mean()
        return contrastive, {"hit": float(hit)}

    kernels = matrices_of(towers.image, nn.Conv2d)
    train_stage(towers, step_loss, training.schedule, run, muon_weights=kernels)
    return towers


def draw_rows(
    concept_of: Int[np.ndarray, " images"],
    style_of: Int[np.ndarray, " images"],
    training: ClipTraining,
    rng: np.random.Generator,
) -> Int[np.ndarray, " rows"]:
    """Rows of a batch: of a few styles, and of concepts the more likely the more of their images these have."""
    styles = rng.choice(style_of.max() + 1, size=min(training.styles_per_batch, style_of.max() + 1), replace=False)
    rows = rng.permutation(np.nonzero(np.isin(style_of, styles))[0])
    rows = rows[np.argsort(concept_of[rows], kind="stable")]
    _, first, counts = np.unique(concept_of[rows], return_index=True, return_counts=True)
    counts = counts.clip(max=training.images_per_concept)
    order = np.argsort(rng.exponential(size=len(counts)) / counts)
    taken = np.concatenate([rows[first[i] : first[i] + counts[i]] for i in order[: batch_share(training.schedule)]])
    return taken[: batch_share(training.schedule)]


def write_open_clip(towers: ClipTowers, training: ClipTraining, tokenizer: Path, folder: Path) -> None:
    """Write the towers as an open_clip local folder (config, safetensors, tokenizer), in fp16."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab_size = towers.text.config.vocab_size
    config = {
        "model_cfg": {
            "embed_dim": towers.text.config.projection_dim,
            "vision_cfg": {
                "image_size": towers.image.image_size,
                "layers": list(training.image_layers),
                "width": training.image_width,
            },
            "text_cfg": {
                "context_length": towers.text.config.max_position_embeddings,
                "vocab_size": vocab_size,
                "width": towers.text.config.hidden_size,
                "heads": towers.text.config.num_attention_heads,
                "layers": towers.text.config.num_hidden_layers,
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
