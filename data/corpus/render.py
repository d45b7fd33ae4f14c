"""Icons to pixels: an SVG or a ready render on a square ground, filtered or not, as lossless WebP."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import re
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import Pool

import numpy as np
import resvg_py
from PIL import Image, ImageColor

from data.corpus.icons import Icon
from data.corpus.shards import IMAGE_SIZE_PX

WORKERS = 2
_THINNED = re.compile(r'opacity="0?\.\d+"|fill="#555"')
"""How two-tone sets thin their ink: by an opacity, or by a grey in a mask."""


def worker_pool() -> Pool:
    """Processes that render images, or decode them.

    They are spawned: a fork of a process with threads, such as a Prefect flow's, may wait forever for a lock.
    """
    return multiprocessing.get_context("spawn").Pool(WORKERS)


@dataclass(frozen=True, slots=True)
class Job:
    """One image to render."""

    icon: Icon
    style: str
    """The icon's own, or that of a variant."""
    apply: Callable[[Image.Image], Image.Image] | None = None
    """The filter that is laid on the image, if any."""

    @property
    def image_id(self) -> str:
        """The image's name in the corpus."""
        return f"{self.style}/{self.icon.name}"


def render_and_encode(job: Job) -> tuple[bytes, str]:
    """(lossless WebP, hash of the pixels); no bytes for an icon which renders blank or not at all."""
    try:
        image = render(job.icon)
    except ValueError:
        return b"", ""
    if image == Image.new("RGB", image.size, image.getpixel((0, 0))):
        return b"", ""
    if job.apply is not None:
        image = job.apply(image)
    return _encode(image), hashlib.sha256(image.tobytes()).hexdigest()


def render(icon: Icon) -> Image.Image:
    """The icon as RGB on its ground, `IMAGE_SIZE_PX` square."""
    if icon.fill:
        return _in_two_colours(icon)
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    if icon.webp:
        with Image.open(icon.webp) as opened:
            picture = opened.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).convert("RGBA")
    else:
        picture = _draw(icon.svg, icon.ink)
    canvas = Image.new("RGBA", size, icon.ground)
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def _in_two_colours(icon: Icon) -> Image.Image:
    """The ink where it is not thinned, the fill where it is; so nothing of the fill is where the ink ends."""
    drawn, inked = (
        np.asarray(_draw(_THINNED.sub(to, icon.svg), "black").getchannel("A"), dtype=np.float32)[..., None] / 255
        for to in (_as_ink, _left_out)
    )
    ground, fill, ink = (np.array(ImageColor.getrgb(colour)) for colour in (icon.ground, icon.fill, icon.ink))
    pixels = ground * (1 - drawn) + fill * (drawn - inked) + ink * inked
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def _draw(svg: str, ink: str) -> Image.Image:
    svg = svg.replace('"black"', f'"{ink}"')
    png = resvg_py.svg_to_bytes(svg_string=svg, width=IMAGE_SIZE_PX, height=IMAGE_SIZE_PX, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as opened:
        return opened.convert("RGBA")


def _as_ink(thinned: re.Match[str]) -> str:
    return 'fill="#fff"' if thinned[0].startswith("fill") else ""


def _left_out(thinned: re.Match[str]) -> str:
    return 'fill="#000"' if thinned[0].startswith("fill") else 'opacity="0"'


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=30, method=2)
    return buffer.getvalue()
