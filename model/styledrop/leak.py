"""The leak guard: whether images in a style repeat what the style's reference shows (StyleDrop, Sec. 3.3).

The outlines of an image are where its brightness changes, coarsely. Its likeness is the correlation of its outlines
with the reference's, moved a little to where they agree best, since an adapter is tuned on views that are moved as far:
colours, which belong to the style, say nothing, and neither does how strong a line is. As all pictures have much in
common (something in the middle, nothing at the border), what counts is the excess over what the base alone draws for
the same prompt and seed.

Shapes: images, height, width (of a coarse grid of cells).
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from styledrop.views import MAX_SHIFT

THRESHOLD = 0.08
"""Of the mean excess: above it, content leaks. Measured by `python -m bench.leak_guard`."""

_SIZE_PX = 64
_CELLS = 32
"""A side."""
_MAX_SHIFT = math.ceil(MAX_SHIFT * _CELLS)
"""Cells in each direction: as far as a view of the reference is shifted."""


def excess_likeness(
    references: Sequence[Image.Image], images: Sequence[Image.Image], untuned: Sequence[Image.Image]
) -> Float[np.ndarray, " images"]:
    """How much more each image's outlines are a reference's than those of `untuned`, drawn without the adapter.

    Around 0 if nothing leaks, up to 1 for copies. With several references the most alike counts.

    Raises:
        ValueError: there is nothing to compare, or not one untuned image for each image.
    """
    if not references or not images or len(images) != len(untuned):
        raise ValueError(
            "expected a reference, and as many images with the adapter as without, at least one, got "
            f"{len(references)} references, {len(images)} images and {len(untuned)} without"
        )
    wanted = _outlines(references)
    return (_likeness(images, wanted) - _likeness(untuned, wanted)).numpy()


def _likeness(
    images: Sequence[Image.Image], wanted: Float[Tensor, "references 1 height width"]
) -> Float[Tensor, " images"]:
    return F.conv2d(_outlines(images), wanted, padding=_MAX_SHIFT).amax(dim=(1, 2, 3))


def _outlines(images: Sequence[Image.Image]) -> Float[Tensor, "images 1 height width"]:
    """Make them such that the product of two, summed over cells, is their correlation."""
    small = [np.asarray(image.convert("L").resize((_SIZE_PX, _SIZE_PX), Image.Resampling.BOX)) for image in images]
    brightness = torch.from_numpy(np.stack(small)).double()[:, None] / 255
    right = F.pad(brightness.diff(dim=3).abs(), (0, 1))
    down = F.pad(brightness.diff(dim=2).abs(), (0, 0, 0, 1))
    cells = F.adaptive_avg_pool2d(right + down, _CELLS).flatten(1)
    return F.normalize(cells - cells.mean(dim=1, keepdim=True), dim=1).view(-1, 1, _CELLS, _CELLS)
