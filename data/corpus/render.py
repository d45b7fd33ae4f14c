"""Icons to pixels: an SVG or a ready render in a square, on white or on nothing."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import re
from multiprocessing.pool import Pool

import numpy as np
import resvg_py
from PIL import Image

from data.corpus.icons import Icon

IMAGE_SIZE_PX = 128
"""Side of a rendered icon."""
WORKERS = 2
_HALF_TRANSPARENT = re.compile(r'opacity="0?\.\d+"|fill="#555"')
"""How two-tone sets draw in half transparent ink: by an opacity, or by a grey in a mask."""


def worker_pool() -> Pool:
    """Processes that render images.

    They are spawned: a fork of a process with threads, such as a Prefect flow's, may wait forever for a lock.
    """
    return multiprocessing.get_context("spawn").Pool(WORKERS)


def render_at(icon: Icon, size_px: int) -> tuple[np.ndarray | None, str]:
    """The icon as RGB on white, uint8 (size_px, size_px, 3), and a hash of its pixels before they were scaled.

    None for an icon which renders blank or not at all.
    """
    try:
        image = render(icon)
    except ValueError:
        return None, ""
    if image == Image.new("RGB", image.size, image.getpixel((0, 0))):
        return None, ""
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    if size_px != IMAGE_SIZE_PX:
        # BOX keeps flat areas and pixel grids free of the ringing that LANCZOS draws around hard edges.
        image = image.resize((size_px, size_px), Image.Resampling.BOX)
    return np.asarray(image), digest


def render(icon: Icon) -> Image.Image:
    """The icon as RGB on white, `IMAGE_SIZE_PX` square."""
    canvas = Image.new("RGBA", (IMAGE_SIZE_PX, IMAGE_SIZE_PX), "white")
    canvas.alpha_composite(render_transparent(icon))
    return canvas.convert("RGB")


def render_transparent(icon: Icon) -> Image.Image:
    """The icon as RGBA on nothing, `IMAGE_SIZE_PX` square.

    Raises:
        ValueError: if the drawing cannot be rendered.
    """
    if not icon.webp:
        return _draw(icon.svg)
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    with Image.open(icon.webp) as opened:
        return opened.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).convert("RGBA")


def draw_ink(icon: Icon) -> tuple[np.ndarray, np.ndarray]:
    """Coverage, 0 to 255, of all that an icon of one ink draws, and of what it draws in full ink.

    Raises:
        ValueError: if the drawing cannot be rendered.
    """
    drawn = _draw(_HALF_TRANSPARENT.sub(_as_ink, icon.svg))
    inked = _draw(_HALF_TRANSPARENT.sub(_left_out, icon.svg))
    return np.asarray(drawn.getchannel("A")), np.asarray(inked.getchannel("A"))


def _draw(svg: str) -> Image.Image:
    png = resvg_py.svg_to_bytes(svg_string=svg, width=IMAGE_SIZE_PX, height=IMAGE_SIZE_PX, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as opened:
        return opened.convert("RGBA")


def _as_ink(half_transparent: re.Match[str]) -> str:
    return 'fill="#fff"' if half_transparent[0].startswith("fill") else ""


def _left_out(half_transparent: re.Match[str]) -> str:
    return 'fill="#000"' if half_transparent[0].startswith("fill") else 'opacity="0"'
