"""What a trained stage does, as pixels for eyes: uint8 images in, uint8 images or their rows out."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor
from torch.nn import functional as F

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
    images: UInt8[np.ndarray, "images height width 3"],
    prompts: Sequence[str],
    *,
    count: int,
    batch_size: int = 128,
) -> Int[np.ndarray, "prompts count"]:
    """The rows of the images that lie nearest to each prompt, nearest first; `count` or all if there are fewer."""
    embedded = [_embed(towers, images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    similarity = towers.embed_texts(prompts) @ torch.cat(embedded).T
    return similarity.topk(min(count, len(images)), dim=1).indices.numpy()


def _embed(towers: ClipTowers, images: np.ndarray) -> Tensor:
    pixels = torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0).permute(0, 3, 1, 2)
    return F.normalize(towers.image(pixels.contiguous(memory_format=torch.channels_last)), dim=1)
