"""Sentence vectors of a BERT sentence encoder, the teacher of the text encoder (MiniLM-like, mean pooling)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from transformers import AutoTokenizer, BertModel

MAX_TOKENS = 24
"""Of a sentence; the rest is cut off."""


def teacher_vocabulary(teacher: Path) -> list[str]:
    """The entries of the teacher's vocabulary, in its order."""
    vocabulary: dict[str, int] = AutoTokenizer.from_pretrained(teacher, local_files_only=True).get_vocab()
    return sorted(vocabulary, key=lambda word: vocabulary[word])


@torch.inference_mode()
def embed_sentences(
    sentences: Sequence[str], teacher: Path, *, batch_size: int = 256
) -> Float[np.ndarray, "sentences width"]:
    """The teacher's unit vectors: the mean over a sentence's own tokens.

    Fastest when sentences of like length stand together: a batch is padded to its longest.
    """
    tokenizer = AutoTokenizer.from_pretrained(teacher, local_files_only=True)
    model = BertModel.from_pretrained(teacher, local_files_only=True, use_safetensors=True).eval()
    batches = []
    for start in range(0, len(sentences), batch_size):
        encoded = tokenizer(
            list(sentences[start : start + batch_size]),
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
        )
        hidden = model(input_ids=encoded.input_ids, attention_mask=encoded.attention_mask).last_hidden_state
        own = encoded.attention_mask[:, :, None].float()
        mean = (hidden * own).sum(dim=1) / own.sum(dim=1)
        batches.append(torch.nn.functional.normalize(mean, dim=1))
    return torch.cat(batches).numpy().astype(np.float32)
