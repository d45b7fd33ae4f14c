"""Icons to pixels: an SVG or a ready render on a square ground, filtered or not, as lossless WebP."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import Pool

import resvg_py
from PIL import Image, ImageOps

from data.corpus.icons import Icon
from data.corpus.shards import IMAGE_SIZE_PX

WORKERS = 2
_HALF_TRANSPARENT = range(16, 240)
"""Of 255; less is the edge of an empty place, more that of a full one."""


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
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    if icon.webp:
        with Image.open(icon.webp) as opened:
            picture = opened.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).convert("RGBA")
    else:
        svg = icon.svg.replace('"black"', f'"{icon.ink}"') if icon.ink != "black" else icon.svg
        png = resvg_py.svg_to_bytes(svg_string=svg, width=IMAGE_SIZE_PX, height=IMAGE_SIZE_PX, skip_system_fonts=True)
        with Image.open(io.BytesIO(bytes(png))) as opened:
            picture = opened.convert("RGBA")
    if icon.fill:
        return _in_two_colours(picture.getchannel("A"), icon)
    canvas = Image.new("RGBA", size, icon.ground)
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def _in_two_colours(drawn: Image.Image, icon: Icon) -> Image.Image:
    """The fill where `drawn` is as opaque as most of what is half transparent in it, the ink where it is opaque."""
    half = drawn.histogram()[_HALF_TRANSPARENT.start : _HALF_TRANSPARENT.stop]
    middle = _HALF_TRANSPARENT[half.index(max(half))]
    return ImageOps.colorize(drawn, icon.ground, icon.ink, icon.fill, midpoint=middle)


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=30, method=2)
    return buffer.getvalue()
