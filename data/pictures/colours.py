"""What the numbers of an image file mean as colours: they become sRGB, or the file is refused.

An ICC profile is followed. Formats have words of their own besides: PNG's gAMA, cHRM and cICP, AVIF's code points,
Adobe RGB in a camera's EXIF. Without a profile, those that name other colours than sRGB's are refused.
"""

import io
import re
from contextlib import suppress

from PIL import Image, ImageCms

from data.errors import StyleReferenceError

_GAMMA = 0.45455
_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""White, red, green and blue of sRGB, as PNG's cHRM has them."""
_TOLERANCE = 0.01

_CODE_POINTS = re.compile(rb"\0\0\0\x04cICP(.)(.)|colrnclx\0(.)\0(.)", re.DOTALL)
"""Primaries and transfer by the numbers of H.273, in PNG and in AVIF."""
_NEAR_SRGB = (frozenset({1, 2, 5, 6, 7}), frozenset({1, 2, 6, 13, 14, 15}))
"""Those of sRGB and of television, which programs treat alike, and "unspecified"."""

_EXIF, _INTEROPERABILITY, _COLOUR_SPACE, _INDEX = 0x8769, 0xA005, 0xA001, 1
_ADOBE_RGB = (2, "R03")


def to_srgb(uri: str, image: Image.Image, file: Image.Image, content: bytes) -> Image.Image:
    """The colours of `image` as sRGB, by what `file`, opened from `content`, says of them; errors name `uri`.

    Raises:
        StyleReferenceError: if it has a profile that cannot be used, or none and other colours than sRGB's.
    """
    profile = file.info.get("icc_profile")
    if profile and image.mode != "LAB":
        return _converted(uri, image, file, profile)
    others = _other_colours(file, content)
    if others:
        raise StyleReferenceError(
            f"expected colours of sRGB in {uri}, or a colour profile that says which they are, got {others} and no "
            "profile; convert the image to sRGB"
        )
    return image.convert("RGB")


def _converted(uri: str, image: Image.Image, file: Image.Image, profile: bytes) -> Image.Image:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        match space, file.mode:
            case ("CMYK", "CMYK"):
                source = image
            case ("GRAY", "1" | "L" | "LA" | "I;16" | "I;16B"):
                source = image.convert("L")
            case ("RGB", mode) if mode != "CMYK":
                source = image.convert("RGB")
            case _:
                raise ValueError(f"it is one of {space}, the pixels are {file.mode}")
        converted = ImageCms.profileToProfile(
            source,
            opened,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except Exception as error:  # LittleCMS's, OSError, ValueError
        raise StyleReferenceError(
            f"expected a colour profile that says what the colours of {uri} are, got one that cannot be used: {error}; "
            "convert the image to sRGB"
        ) from error
    assert converted is not None  # only where it works in place
    return converted


def _other_colours(file: Image.Image, content: bytes) -> str:
    """What the file says of its colours, if that is not sRGB; else nothing."""
    gamma, primaries = file.info.get("gamma", _GAMMA), file.info.get("chromaticity", _PRIMARIES)
    if "srgb" not in file.info and abs(gamma - _GAMMA) > _TOLERANCE:
        return f"a gamma of {gamma:g}"
    if "srgb" not in file.info and max(abs(a - b) for a, b in zip(primaries, _PRIMARIES, strict=True)) > _TOLERANCE:
        return f"primaries {primaries}"
    points = _CODE_POINTS.search(content) if file.format in ("PNG", "AVIF") else None
    if points:
        named = [point[0] for point in points.groups() if point]
        if any(point not in near for point, near in zip(named, _NEAR_SRGB, strict=True)):
            return f"the code points {named[0]} and {named[1]} of H.273"
    with suppress(Exception):  # malformed tags, which nobody needs
        exif = file.getexif()
        if {exif.get_ifd(_EXIF).get(_COLOUR_SPACE), exif.get_ifd(_INTEROPERABILITY).get(_INDEX)} & {*_ADOBE_RGB}:
            return "Adobe RGB in its EXIF"
    return ""
