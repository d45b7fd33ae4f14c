"""Pretraining of the text encoder, without images: what a sentence encoder knows, in a small CLIP text model.

The vocabulary is the first merges of CLIP's own BPE (they stand in order of frequency, so the first N are a
valid smaller BPE). What is distilled are words, captions and whole prompts: words outside the corpus land near
words inside it. Besides its own vector a sentence must be told from the others of its batch (InfoNCE,
arXiv:1807.03748): a cosine alone is soon content with the vectors' mean.

The teacher is a BERT sentence encoder (MiniLM-like, mean pooling).
"""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AutoTokenizer,
    BertModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerBase,
)

from styledrop.config.pretraining import TextTraining
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from styledrop.text import TextEncoder

_TEACHER_TOKENS = 24
"""Of a sentence; the rest is cut off."""
_AT_ONCE = 256
"""Sentences that the teacher embeds at a time."""


def train_text(
    sentences: Sequence[str],
    vectors: Float[np.ndarray, "sentences sentence_width"],
    training: TextTraining,
    run: StageRun,
) -> TextEncoder:
    """Train a text encoder whose pooled vectors map linearly onto `vectors` (of unit length)."""
    torch.manual_seed(run.seed)
    tokenizer = build_tokenizer(training, run.folder / "tokenizer")
    model = build_text_model(training, len(tokenizer))
    towers = nn.ModuleDict({"text": model, "to_sentence": nn.Linear(training.embed_dim, vectors.shape[1], bias=False)})
    encoded = tokenizer(list(sentences), truncation=True, max_length=training.max_length).input_ids
    lengths = np.array([len(ids) for ids in encoded])
    ids = np.full((len(encoded), lengths.max()), tokenizer.eos_token_id, dtype=np.int64)
    for row, of_row in enumerate(encoded):
        ids[row, : len(of_row)] = of_row
    by_length = np.argsort(lengths, kind="stable")
    batch_size = min(batch_share(training.schedule), len(sentences))
    window = min(len(sentences), 16 * batch_size)

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        # Neighbours in order of length, since a batch is padded to its longest.
        first = rng.integers(len(by_length) - window + 1)
        rows = by_length[first + rng.choice(window, size=batch_size, replace=False)]
        pooled = towers["text"](input_ids=torch.from_numpy(ids[rows, : lengths[rows].max()])).text_embeds
        similarity = F.normalize(towers["to_sentence"](pooled), dim=1) @ torch.from_numpy(vectors[rows]).T
        cosine = similarity.diagonal().mean()
        contrast = F.cross_entropy(similarity / training.temperature, torch.arange(batch_size))
        return contrast + 1 - cosine, {"cosine": float(cosine.detach()), "contrast": float(contrast.detach())}

    train_stage(towers, step_loss, training.schedule, run)
    return TextEncoder(model, tokenizer)


def build_tokenizer(training: TextTraining, folder: Path) -> PreTrainedTokenizerBase:
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


def build_text_model(training: TextTraining, vocab_size: int) -> CLIPTextModelWithProjection:
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


def teacher_vocabulary(teacher: Path) -> list[str]:
    """The entries of the teacher's vocabulary, in its order."""
    vocabulary: dict[str, int] = AutoTokenizer.from_pretrained(teacher, local_files_only=True).get_vocab()
    return sorted(vocabulary, key=lambda word: vocabulary[word])


@torch.inference_mode()
def embed_sentences(sentences: Sequence[str], teacher: Path) -> Float[np.ndarray, "sentences width"]:
    """The teacher's unit vectors: the mean over a sentence's own tokens.

    Fastest when sentences of like length stand together: a batch is padded to its longest.
    """
    tokenizer = AutoTokenizer.from_pretrained(teacher, local_files_only=True)
    model = BertModel.from_pretrained(teacher, local_files_only=True, use_safetensors=True).eval()
    batches = []
    for start in range(0, len(sentences), _AT_ONCE):
        encoded = tokenizer(
            list(sentences[start : start + _AT_ONCE]),
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=_TEACHER_TOKENS,
        )
        hidden = model(input_ids=encoded.input_ids, attention_mask=encoded.attention_mask).last_hidden_state
        own = encoded.attention_mask[:, :, None].float()
        mean = (hidden * own).sum(dim=1) / own.sum(dim=1)
        batches.append(F.normalize(mean, dim=1))
    return torch.cat(batches).numpy().astype(np.float32)
