"""Views: copies of an image, each a little shifted and scaled.

Tuned on a single image, an adapter learns where its tokens are as well as what they look like, and puts them there
in other contents too; views of it share the look alone.
"""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from styledrop.base import to_images, to_pixels
from styledrop.errors import TuningError

MAX_SHIFT = 0.06
"""Of the image's side. Icons are never mirrored: an arrow would change its meaning."""
MAX_SCALE = 0.1


def views(image: Image.Image, count: int, *, seed: int = 0) -> list[Image.Image]:
    """The image itself and `count` - 1 moved copies of it, RGB.

    Raises:
        TuningError: `count` is not positive.
    """
    if count < 1:
        raise TuningError(f"expected at least one view, the image itself, got {count}")
    image = image.convert("RGB")
    if count == 1:
        return [image]
    pixels = to_pixels([image]).expand(count - 1, -1, -1, -1)
    rng = np.random.default_rng(seed)
    scale = 1 + MAX_SCALE * rng.uniform(-1, 1, count - 1)
    shift = MAX_SHIFT * rng.uniform(-1, 1, (count - 1, 2))
    return [image, *to_images(warped(pixels, width=scale, height=scale, turn=np.zeros(count - 1), shift=shift))]


def warped(
    pixels: Float[Tensor, "images 3 height width"],
    *,
    width: Float[np.ndarray, " images"],
    height: Float[np.ndarray, " images"],
    turn: Float[np.ndarray, " images"],
    shift: Float[np.ndarray, "images 2"],
) -> Float[Tensor, "images 3 height width"]:
    """Each image scaled by 1 / `width` and 1 / `height`, turned (radians) and shifted (shares of its sides).

    What comes in from outside repeats the border.
    """
    maps = np.zeros((len(pixels), 2, 3), dtype=np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = width * np.cos(turn), -height * np.sin(turn)
    maps[:, 1, 0], maps[:, 1, 1] = width * np.sin(turn), height * np.cos(turn)
    maps[:, :, 2] = 2 * shift  # the sampling grid runs from -1 to 1
    grid = F.affine_grid(torch.from_numpy(maps), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
