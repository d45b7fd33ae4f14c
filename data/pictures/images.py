"""Reference images: found, checked, and made square RGB.

A file from outside is not trusted: its size is looked at before it is read, its width and height
before it is decoded.
"""

import hashlib
import io
from dataclasses import dataclass
from typing import Literal

from fsspec.core import url_to_fs
from PIL import Image, ImageOps, UnidentifiedImageError

from data.errors import StyleReferenceError

MIN_SIDE_PX = 16
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceImage:
    """A reference as it was found: upright, RGB, transparency on white."""

    image: Image.Image
    sha256: str
    """Digest of the file's bytes."""


def load_reference(uri: str) -> ReferenceImage:
    """Read and check the image at `uri`, a path or any fsspec URI.

    Raises:
        StyleReferenceError: if it is missing, unreadable, no image, broken, under 16 px on a side,
            over 64 megapixels or over 32 MB.
    """
    content = _read(uri)
    try:
        with Image.open(io.BytesIO(content)) as file:
            width, height = file.size
            if min(width, height) < MIN_SIDE_PX:
                raise StyleReferenceError(
                    f"expected at least {MIN_SIDE_PX} px on each side of {uri}, got {width}x{height}; take a larger one"
                )
            if width * height > MAX_PIXELS:
                raise StyleReferenceError(
                    f"expected at most {MAX_PIXELS / 1e6:.0f} megapixels in {uri}, got {width}x{height}; scale it down"
                )
            file.load()
            upright = ImageOps.exif_transpose(file)
    except UnidentifiedImageError as error:
        raise StyleReferenceError(
            f"expected an image at {uri} (PNG, JPEG, WebP, …), got {len(content)} bytes of something else"
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow's decoders raise
        raise StyleReferenceError(
            f"expected a whole image at {uri}, got a broken one: {error}; save it anew"
        ) from error
    return ReferenceImage(image=_on_white(upright), sha256=hashlib.sha256(content).hexdigest())


def square(image: Image.Image, size_px: int, fit: Literal["crop", "pad"]) -> Image.Image:
    """The image as `size_px` x `size_px`: the middle cut out, or the whole padded with white."""
    size = (size_px, size_px)
    if fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    return ImageOps.pad(image, size, Image.Resampling.LANCZOS, color="white")


def to_png(image: Image.Image) -> bytes:
    """The image as PNG: the same pixels always give the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def from_png(content: bytes) -> Image.Image:
    """The RGB image in `content`, which we wrote ourselves."""
    return Image.open(io.BytesIO(content)).convert("RGB")


def _read(uri: str) -> bytes:
    try:
        filesystem, path = url_to_fs(uri)
        size_bytes = filesystem.info(path)["size"]
        if filesystem.isdir(path):
            raise StyleReferenceError(f"expected an image at {uri}, got a folder; name the file")
        if size_bytes > MAX_FILE_BYTES:
            raise StyleReferenceError(
                f"expected at most {MAX_FILE_BYTES / 2**20:.0f} MB at {uri}, got {size_bytes / 2**20:.1f} MB; "
                "save it smaller"
            )
        return bytes(filesystem.cat_file(path))
    except FileNotFoundError as error:
        raise StyleReferenceError(f"expected an image at {uri}, got no such file; check the address") from error
    except StyleReferenceError:
        raise
    except Exception as error:  # every filesystem has errors of its own
        raise StyleReferenceError(
            f"expected an image at {uri}, but it cannot be read: {type(error).__name__}: {error}"
        ) from error


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
