"""Files of every format that is opened, damaged by chance: an image, or one error."""

import random
import warnings
from pathlib import Path

import pytest
from PIL import Image

from data.errors import StyleReferenceError
from data.pictures.images import FORMATS
from tests.data.pictures.test_pixels import RAMP, drawing, encoded, loaded
from tests.profiles import P3, cmyk_profile, grey_profile, rgb_profile

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "AVIF": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "BMP": ("1", "L", "P", "RGB"),
}


DAMAGED_EACH = 40
"""Of each format and mode: 28 modes, so 1120 damaged files."""


def damaged(content: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 64))):
        # Half of the flips where headers are: behind them most are only other pixels.
        place = chance.randrange(min(len(content), 128) if chance.random() < 0.5 else len(content))
        changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def test_the_formats_that_are_damaged_are_those_that_are_opened() -> None:
    assert set(MODES) == set(FORMATS)


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_a_damaged_file_is_an_image_or_one_error(
    tmp_path: Path, kind: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.pictures.images.MAX_PIXELS", 1_000_000)  # a flipped size costs no seconds
    chance = random.Random(f"{kind} {mode}")
    if mode == "I;16":
        image = Image.fromarray(RAMP)
    else:
        image = drawing("L").convert("F").point(lambda level: level / 255) if mode == "F" else drawing(mode)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a drawing"
    icc = {"RGB": rgb_profile(P3), "RGBA": rgb_profile(P3), "L": grey_profile(1.8), "CMYK": cmyk_profile()}.get(
        mode, b""
    )
    content = encoded(image, kind, exif=exif.tobytes(), icc=icc)
    assert loaded(tmp_path, content).mode == "RGB"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(DAMAGED_EACH):
            try:
                found = loaded(tmp_path, damaged(content, chance))
            except StyleReferenceError as error:
                assert "image.png" in str(error)
            else:
                assert found.mode == "RGB" and min(found.size) >= 16
