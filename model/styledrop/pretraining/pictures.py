"""What a trained stage does, as pixels for eyes: uint8 images in, uint8 images or their rows out."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from styledrop.pretraining.clip import ClipTowers
from styledrop.vqgan import VQGAN


@torch.inference_mode()
def reconstruct(
    vqgan: VQGAN, images: UInt8[np.ndarray, "images height width 3"]
) -> UInt8[np.ndarray, "images height width 3"]:
    """Images to tokens and back."""
    pixels = torch.from_numpy(images.astype(np.float32) / 255.0).permute(0, 3, 1, 2).contiguous()
    decoded = vqgan.decode(vqgan.encode(pixels))
    return (decoded * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@torch.inference_mode()
def nearest_images(
    towers: ClipTowers,
    tokenizer: PreTrainedTokenizerBase,
    images: UInt8[np.ndarray, "images height width 3"],
    prompts: Sequence[str],
    *,
    count: int,
    batch_size: int = 128,
) -> Int[np.ndarray, "prompts count"]:
    """The rows of the images that lie nearest to each prompt, nearest first; `count` or all if there are fewer."""
    ids = tokenizer(
        list(prompts),
        return_tensors="pt",
        padding="longest",
        truncation=True,
        max_length=towers.text.config.max_position_embeddings,
    ).input_ids
    text = F.normalize(towers.text(input_ids=ids).text_embeds, dim=1)
    embedded = [_embed(towers, images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    similarity = text @ torch.cat(embedded).T
    return similarity.topk(min(count, len(images)), dim=1).indices.numpy()


def _embed(towers: ClipTowers, images: np.ndarray) -> Tensor:
    pixels = torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0).permute(0, 3, 1, 2)
    return F.normalize(towers.image(pixels.contiguous(memory_format=torch.channels_last)), dim=1)
