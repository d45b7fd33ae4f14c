import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import StyleReferenceError
from data.pictures import images
from data.pictures.images import from_png, load_reference, square, to_png


def saved(folder: Path, image: Image.Image, name: str = "image.png") -> str:
    image.save(folder / name)
    return str(folder / name)


def test_a_reference_is_upright_rgb_with_transparency_on_white(tmp_path: Path) -> None:
    half_clear = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    half_clear.paste((255, 0, 0, 255), (0, 0, 16, 32))
    image = load_reference(saved(tmp_path, half_clear)).image
    assert image.mode == "RGB"
    assert image.getpixel((4, 4)) == (255, 0, 0)
    assert image.getpixel((24, 4)) == (255, 255, 255)

    wide = Image.linear_gradient("L").resize((40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    wide.save(tmp_path / "turned.jpg", exif=exif)
    assert load_reference(str(tmp_path / "turned.jpg")).image.size == (20, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_every_colour_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    name = "image.tiff" if mode == "CMYK" else "image.png"
    grey = Image.linear_gradient("L").resize((20, 20))
    image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    assert image.mode == mode
    assert load_reference(saved(tmp_path, image, name)).image.mode == "RGB"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StyleReferenceError, match=r"nowhere\.png, got no such file"):
        load_reference(str(tmp_path / "nowhere.png"))


def test_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(StyleReferenceError, match="got a folder"):
        load_reference(str(tmp_path))


def test_unknown_scheme_is_named() -> None:
    with pytest.raises(StyleReferenceError, match="one of file, s3, .* got 'nosuch://x/cat.png'"):
        load_reference("nosuch://x/cat.png")


def test_something_else_than_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"not an image at all")
    with pytest.raises(StyleReferenceError, match="got 19 bytes of something else"):
        load_reference(str(tmp_path / "cat.png"))
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(StyleReferenceError, match="got 0 bytes of something else"):
        load_reference(str(tmp_path / "empty.png"))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif"])
def test_image_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cat.{suffix}"
    Image.effect_noise((64, 64), 90).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(StyleReferenceError, match="expected a whole image|something else"):
        load_reference(str(path))


def test_absurd_sizes_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StyleReferenceError, match="at least 16 px on each side of .*, got 200x15"):
        load_reference(saved(tmp_path, Image.new("RGB", (200, 15))))
    with pytest.raises(StyleReferenceError, match="at most 64 megapixels in .*, got 9000x9000"):
        load_reference(saved(tmp_path, Image.new("1", (9000, 9000))))
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 1024 * 1024)
    (tmp_path / "large.png").write_bytes(bytes(3 * 1024 * 1024))
    with pytest.raises(StyleReferenceError, match=r"at most 1 MB at .*, got 3\.0 MB"):
        load_reference(str(tmp_path / "large.png"))


def test_square_cuts_the_middle_or_pads_with_white() -> None:
    wide = Image.new("RGB", (60, 20), "blue")
    wide.paste("red", (20, 0, 40, 20))
    assert square(wide, 20, "crop").getcolors() == [(400, (255, 0, 0))]
    padded = square(wide, 60, "pad")
    assert padded.getpixel((30, 30)) == (255, 0, 0)
    assert padded.getpixel((30, 5)) == (255, 255, 255)


def test_png_keeps_every_pixel_and_the_same_pixels_are_the_same_bytes() -> None:
    image = Image.effect_noise((20, 20), 90).convert("RGB")
    assert from_png(to_png(image)).tobytes() == image.tobytes()
    assert to_png(image) == to_png(Image.open(io.BytesIO(to_png(image))))
