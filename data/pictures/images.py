"""Reference images: found, checked, and made square RGB.

A file from outside is not trusted: its size is looked at before it is read, its width and height before it is decoded,
only `FORMATS` are decoded, and whatever a decoder raises ends here as one error. Pixels of any depth and colour mode
become 8-bit sRGB (`data.pictures.colours`). A file is one picture: animations and pages are refused.
"""

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from data.addresses import read_file
from data.errors import AddressError, StyleReferenceError
from data.pictures.colours import to_srgb

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")
"""What is opened; Pillow would hand others to other programs (EPS to Ghostscript)."""

MIN_SIDE_PX = 16
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 32 * 1024 * 1024
MIN_CONTRAST = 8
"""Levels of 255 between the darkest and the brightest of a channel: with less, nobody sees anything."""

_OTHERS = {
    "a HEIC photo": rb".{4}ftyp(hei|hev|mif1|msf1)",
    "a video": rb".{4}ftyp",
    "an SVG drawing": rb"[^<]{0,8}<(\?xml|!--|svg|!DOCTYPE svg).{0,900}?(<svg|$)",
    "a web page": rb"\s*<(!doctype )?html",
    "EPS or PostScript": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a PDF": rb"%PDF",
    "a Photoshop file": rb"8BPS",
    "a JPEG XL image": rb"\xff\x0a|\x00\x00\x00\x0cJXL ",
    "a JPEG 2000 image": rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51",
    "an icon file (ICO)": rb"\x00\x00\x01\x00",
    "a Netpbm image": rb"P[1-7]\s",
    "a ZIP archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b",
    "a kind of TIFF that is not read here": rb"II[*+]\x00|MM\x00[*+]",
    "a kind of PNG that is not read here": rb"\x89PNG",
    "a kind of JPEG that is not read here": rb"\xff\xd8\xff",
}
"""Names of what people mistake for an image that can be used, by how such a file begins."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes an EXIF orientation."""
_ORIENTATION, _BITS, _PHOTOMETRIC, _PLANES, _SUBFILE = 0x0112, 0x0102, 0x0106, 0x011C, 0x00FE
_WHITE_IS_ZERO, _ONE_AFTER_ANOTHER, _SMALLER_COPY = 0, 2, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceImage:
    """A reference as it was found: upright, 8-bit sRGB, transparency on white."""

    image: Image.Image
    sha256: str
    """Digest of the file's bytes."""


def load_reference(uri: str, fit: Literal["crop", "pad"] = "pad") -> ReferenceImage:
    """Read and check the image at `uri`, a path or URI (`data.addresses`).

    Raises:
        StyleReferenceError: if it is missing, unreadable, no image of `FORMATS`, broken, under 16 px on a side,
            over 64 megapixels or over 32 MB, if it shows several pictures or colours that nobody can tell, or if in it,
            made square by `fit`, nothing is to be seen.
    """
    try:
        content = read_file(uri, "an image", MAX_FILE_BYTES)
    except AddressError as error:
        raise StyleReferenceError(str(error)) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata; what matters raises
            image = _decoded(uri, content)
    except StyleReferenceError:
        raise
    except UnidentifiedImageError as error:
        raise StyleReferenceError(
            f"expected an image at {uri} ({', '.join(FORMATS)}), got {_kind(content)}; save or export it as PNG"
        ) from error
    except Image.DecompressionBombError as error:
        raise StyleReferenceError(
            f"expected at most {MAX_PIXELS / 1e6:.0f} megapixels in {uri}, got many more; scale it down"
        ) from error
    except Exception as error:  # decoders raise what they like: struct.error, RuntimeError, TypeError, MemoryError, …
        raise StyleReferenceError(
            f"expected a whole image at {uri}, got a broken one: {type(error).__name__}: {error}; save it anew"
        ) from error
    _refuse_blank(uri, square(image, min(image.size), fit) if fit == "crop" else image)
    return ReferenceImage(image=image, sha256=hashlib.sha256(content).hexdigest())


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


def _decoded(uri: str, content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=FORMATS) as file:
        width, height = file.size
        if min(width, height) < MIN_SIDE_PX:
            raise StyleReferenceError(
                f"expected at least {MIN_SIDE_PX} px on each side of {uri}, got {width}x{height}; take a larger one"
            )
        if width * height > MAX_PIXELS:
            raise StyleReferenceError(
                f"expected at most {MAX_PIXELS / 1e6:.0f} megapixels in {uri}, got {width}x{height}; scale it down"
            )
        if _shows_several(file):
            raise StyleReferenceError(
                f"expected one picture in {uri}, got an animation or pages; save the one that is meant as PNG"
            )
        file.load()
        # Only read: Pillow's own `exif_transpose` writes all of EXIF anew, and fails over tags that nobody needs.
        orientation = file.getexif().get(_ORIENTATION)
        image = _eight_bit(uri, file)
        if image.has_transparency_data:
            clear = image.convert("RGBA")
            image = Image.new("RGB", image.size, "white")
            image.paste(to_srgb(uri, clear, file, content), mask=clear.getchannel("A"))
        else:
            image = to_srgb(uri, image, file, content)
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _shows_several(file: Image.Image) -> bool:
    """Whether nobody knows which picture is meant; what cameras and editors put behind theirs does not count."""
    if not getattr(file, "is_animated", False) or file.format == "MPO":
        return False
    if not isinstance(file, TiffImageFile):
        return True
    file.seek(1)
    is_smaller_copy = bool(file.tag_v2.get(_SUBFILE, 0) & _SMALLER_COPY)
    file.seek(0)
    return not is_smaller_copy


def _eight_bit(uri: str, file: Image.Image) -> Image.Image:
    """The same picture with 8 bits a channel; Pillow's own conversion cuts deeper ones off at 255."""
    if not file.mode.startswith(("I", "F")):
        _refuse_deep_planes(uri, file)
        return file
    levels = np.asarray(file)
    bits, is_negative = 16, False
    if isinstance(file, TiffImageFile):
        bits = file.tag_v2.get(_BITS, (16,))[0]
        is_negative = file.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if file.mode.startswith("I;16"):
        shown = np.linspace(0, 255 * 65535 / (2**bits - 1), 65536).round().clip(0, 255).astype(np.uint8)[levels]
    elif file.mode == "F" and np.isfinite(levels).all() and levels.min() >= 0 and levels.max() <= 1:
        shown = (levels * 255).round().astype(np.uint8)
    else:
        raise StyleReferenceError(
            f"expected 8 or 16 bits a channel, or numbers from 0 to 1, in {uri}, got numbers of 32 bits from "
            f"{levels.min():g} to {levels.max():g}, whose black and white nobody knows; save it with 16 bits"
        )
    grey = Image.fromarray(255 - shown if is_negative else shown)
    clear = file.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(levels == clear, 0, 255).astype(np.uint8)))
    return grey


def _refuse_deep_planes(uri: str, file: Image.Image) -> None:
    """Pillow takes the bytes of deep channels that lie one after another for pixels."""
    if not isinstance(file, TiffImageFile) or file.tag_v2.get(_PLANES) != _ONE_AFTER_ANOTHER:
        return
    bits = max(file.tag_v2.get(_BITS, (8,)))
    if bits > 8:
        raise StyleReferenceError(
            f"expected the channels of {uri} pixel by pixel, got {bits} bits of one channel after another; save it as "
            "PNG"
        )


def _refuse_blank(uri: str, image: Image.Image) -> None:
    levels = np.asarray(image)
    if (levels.max(axis=(0, 1)) - levels.min(axis=(0, 1))).max() < MIN_CONTRAST:
        raise StyleReferenceError(
            f"expected something to see in {uri}, got one colour, {image.getpixel((0, 0))}, when transparency is white "
            "and the middle is cut out; put it on a ground of another colour, or take fit: pad"
        )


def _kind(content: bytes) -> str:
    for kind, beginning in _OTHERS.items():
        if re.match(beginning, content[:1024], re.DOTALL | re.IGNORECASE):
            return kind
    return f"{len(content)} bytes of something else"
