"""What a file says of its colours is followed, or the file is refused."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from data.errors import StyleReferenceError
from data.pictures.images import load_reference
from tests.profiles import P3, rgb_profile


def picture() -> Image.Image:
    return Image.linear_gradient("L").resize((32, 32)).convert("RGB")


def png(*chunks: tuple[bytes, bytes], icc: bytes = b"") -> bytes:
    """A PNG with chunks that Pillow does not write."""
    buffer = io.BytesIO()
    picture().save(buffer, format="PNG", icc_profile=icc)
    content, place = buffer.getvalue(), len(b"\x89PNG\r\n\x1a\n") + 25  # behind IHDR
    for name, data in chunks:
        chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        content = content[:place] + chunk + content[place:]
    return content


def avif(primaries: int, transfer: int) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, format="AVIF")
    return buffer.getvalue().replace(b"colrnclx\0\1\0\x0d", b"colrnclx" + struct.pack(">HH", primaries, transfer))


def jpeg(colour_space: int, index: bytes = b"R98\0", icc: bytes = b"") -> bytes:
    """As a camera writes it, with three folders of tags."""
    first = struct.pack("<H", 1) + struct.pack("<HHII", 0x8769, 4, 1, 26) + bytes(4)
    exif = struct.pack("<H", 2) + struct.pack("<HHIHH", 0xA001, 3, 1, colour_space, 0)
    exif += struct.pack("<HHII", 0xA005, 4, 1, 56) + bytes(4)
    last = struct.pack("<H", 1) + struct.pack("<HHI4s", 1, 2, 4, index) + bytes(4)
    buffer = io.BytesIO()
    tags = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + exif + last
    picture().save(buffer, format="JPEG", exif=tags, icc_profile=icc)
    return buffer.getvalue()


def gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def primaries(values: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


SAID = {
    "nothing": (png(), ""),
    "a gamma of sRGB": (png(gamma(0.45455), primaries(SRGB)), ""),
    "a gamma that counts for nothing beside sRGB": (png((b"sRGB", b"\0"), gamma(1.0)), ""),
    "linear light": (png(gamma(1.0)), "a gamma of 1"),
    "an old Mac": (png(gamma(0.55556)), "a gamma of 0.55556"),
    "Adobe's primaries": (png(gamma(0.45455), primaries(ADOBE)), r"primaries \(0.3127, .*0.21, 0.71"),
    "sRGB by number": (png((b"cICP", bytes((1, 13, 0, 1)))), ""),
    "Display P3 by number": (png((b"cICP", bytes((12, 13, 0, 1)))), "the code points 12 and 13 of H.273"),
    "HDR by number": (png((b"cICP", bytes((9, 16, 0, 1)))), "the code points 9 and 16 of H.273"),
    "a profile beside it": (png(gamma(1.0), icc=rgb_profile(P3)), ""),
    "AVIF": (avif(1, 13), ""),
    "AVIF of television": (avif(6, 6), ""),
    "AVIF in Display P3": (avif(12, 13), "the code points 12 and 13"),
    "AVIF in HDR": (avif(9, 16), "the code points 9 and 16"),
    "a camera": (jpeg(1), ""),
    "a camera that says nothing": (jpeg(0xFFFF), ""),
    "a camera in Adobe RGB": (jpeg(0xFFFF, b"R03\0"), "Adobe RGB in its EXIF"),
    "a camera in Adobe RGB, by number": (jpeg(2), "Adobe RGB in its EXIF"),
    "a camera in Adobe RGB with its profile": (jpeg(0xFFFF, b"R03\0", icc=rgb_profile(P3)), ""),
}


@pytest.mark.parametrize("case", SAID)
def test_colours_are_those_of_srgb_or_of_a_profile(tmp_path: Path, case: str) -> None:
    content, refused = SAID[case]
    (tmp_path / "a.png").write_bytes(content)
    if not refused:
        assert load_reference(str(tmp_path / "a.png")).image.mode == "RGB"
        return
    with pytest.raises(
        StyleReferenceError, match=f"colours of sRGB in .*a.png, .* got {refused}.* and no profile; convert the image"
    ):
        load_reference(str(tmp_path / "a.png"))
