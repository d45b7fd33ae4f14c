"""Views: copies of an image, each a little shifted and scaled.

Tuned on a single image, an adapter learns where its tokens are as well as what they look like, and puts them there
in other contents too; views of it share the look alone.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from styledrop.base import to_images

_MAX_SHIFT = 0.06  # of the image's side; icons are never mirrored here: an arrow would change its meaning
_MAX_SCALE = 0.1
_MAX_TURN = 0.2  # in radians


def views(image: Image.Image, count: int, *, seed: int = 0) -> list[Image.Image]:
    """The image itself and `count` - 1 moved copies of it, RGB."""
    image = image.convert("RGB")
    if count == 1:
        return [image]
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1).expand(count - 1, -1, -1, -1)
    none_restyled = np.zeros(count - 1, dtype=bool)
    return [image, *to_images(moved(pixels, none_restyled, np.random.default_rng(seed)))]


def moved(
    pixels: Float[Tensor, "images 3 height width"], chosen: Bool[np.ndarray, " images"], rng: np.random.Generator
) -> Float[Tensor, "images 3 height width"]:
    """Every image a little shifted and scaled, the chosen ones twice as far and turned too.

    What comes in from outside repeats the border.
    """
    count, strength = len(pixels), 1.0 + chosen
    turn = _MAX_TURN * chosen * rng.uniform(-1, 1, count)
    height, width = (1 + _MAX_SCALE * strength * rng.uniform(-1, 1, count) for _ in range(2))
    # Proportions are a part of the style, so only the chosen images change theirs.
    width = np.where(chosen, width, height)
    maps = np.zeros((count, 2, 3), dtype=np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = width * np.cos(turn), -height * np.sin(turn)
    maps[:, 1, 0], maps[:, 1, 1] = width * np.sin(turn), height * np.cos(turn)
    # The sampling grid runs from -1 to 1.
    maps[:, :, 2] = 2 * _MAX_SHIFT * strength[:, None] * rng.uniform(-1, 1, (count, 2))
    grid = F.affine_grid(torch.from_numpy(maps), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
