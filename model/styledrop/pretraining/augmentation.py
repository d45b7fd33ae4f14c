"""Changes to icons that leave what they show: for the stages that learn to name it.

`pixels` are images in [0, 1] (images 3 height width); `chosen` marks the restyled ones, one bool for each image.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from styledrop.views import MAX_SCALE, MAX_SHIFT, warped

_MAX_TURN = 0.2  # in radians
_SOFTENED = 0.5  # of the images: what a small base draws is never quite sharp
_MIN_SHARPNESS = 0.5


def to_pixels(images: UInt8[np.ndarray, "images height width 3"]) -> Float[Tensor, "images 3 height width"]:
    """Images in [0, 1], channels last in memory."""
    pixels = torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2)
    return pixels.contiguous(memory_format=torch.channels_last)


def recoloured(
    pixels: Float[Tensor, "images 3 height width"], chosen: Bool[np.ndarray, " images"], rng: np.random.Generator
) -> Float[Tensor, "images 3 height width"]:
    """The chosen images with their channels in another order; half of them grey, and a third as negatives."""
    count = len(pixels)
    order = torch.from_numpy(rng.permuted(np.tile(np.arange(3), (count, 1)), axis=1))
    other = pixels.gather(1, order[:, :, None, None].expand_as(pixels))
    is_grey, is_negative = (torch.from_numpy(rng.random((count, 1, 1, 1)) < share) for share in (0.5, 0.33))
    other = torch.where(is_grey, other.mean(dim=1, keepdim=True), other)
    other = torch.where(is_negative, 1 - other, other)
    return torch.where(torch.from_numpy(chosen)[:, None, None, None], other, pixels)


def moved(
    pixels: Float[Tensor, "images 3 height width"], chosen: Bool[np.ndarray, " images"], rng: np.random.Generator
) -> Float[Tensor, "images 3 height width"]:
    """Every image a little shifted and scaled, the chosen ones twice as far and turned too.

    What comes in from outside repeats the border.
    """
    count, strength = len(pixels), 1.0 + chosen
    turn = _MAX_TURN * chosen * rng.uniform(-1, 1, count)
    height, width = (1 + MAX_SCALE * strength * rng.uniform(-1, 1, count) for _ in range(2))
    # Proportions are a part of the style, so only the chosen images change theirs.
    width = np.where(chosen, width, height)
    shift = MAX_SHIFT * strength[:, None] * rng.uniform(-1, 1, (count, 2))
    return warped(pixels, width=width, height=height, turn=turn, shift=shift)


def softened(
    pixels: Float[Tensor, "images 3 height width"], rng: np.random.Generator
) -> Float[Tensor, "images 3 height width"]:
    """Half of the images scaled down and up again, all by one scale."""
    side = round(pixels.shape[-1] * rng.uniform(_MIN_SHARPNESS, 1))
    chosen = torch.from_numpy(rng.random(len(pixels)) < _SOFTENED)
    small = F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
    soft = F.interpolate(small, size=pixels.shape[-2:], mode="bilinear")
    return torch.where(chosen[:, None, None, None], soft, pixels)
