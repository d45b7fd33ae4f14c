"""What people call an image: turned upright, as 8-bit sRGB, or refused in words. No decoder's exception passes."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from data.errors import StyleReferenceError
from data.pictures.images import load_reference
from tests.profiles import ADOBE_RGB, P3, cmyk_profile, grey_profile, rgb_profile


def drawing(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(image).rectangle((4, 4, 15, 11), fill="navy")
    return image.convert(mode)


def loaded(folder: Path, content: bytes, name: str = "image.png") -> Image.Image:
    (folder / name).write_bytes(content)
    return load_reference(str(folder / name)).image


def encoded(image: Image.Image, kind: str, *, exif: bytes = b"", icc: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, exif=exif, icc_profile=icc)
    return buffer.getvalue()


def tags(entries: list[tuple[int, int, int, bytes]]) -> bytes:
    """EXIF with tags of any content, those that Pillow would not write among them."""
    written = b"".join(struct.pack("<HHI4s", tag, kind, count, value) for tag, kind, count, value in sorted(entries))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + written + bytes(4)


SIX = (0x0112, 3, 1, struct.pack("<HH", 6, 0))
MALFORMED = {
    "a resolution unit of 32 bits": (0x0128, 4, 1, struct.pack("<I", 70_000)),
    "a width of a negative number": (0x0100, 9, 1, struct.pack("<i", -5)),
    "a kind of number that does not exist": (0x010E, 99, 1, b"abcd"),
    "text that lies outside": (0x010E, 2, 500, struct.pack("<I", 90_000)),
    "a folder of tags that is this one": (0x8769, 4, 1, struct.pack("<I", 8)),
    "a fraction over nothing": (0x011A, 5, 1, struct.pack("<I", 0)),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_photo_with_a_malformed_tag_is_turned_upright_or_refused(tmp_path: Path, kind: str, malformed: str) -> None:
    content = encoded(drawing(), kind, exif=tags([SIX, MALFORMED[malformed]]))
    try:
        image = loaded(tmp_path, content)
    except StyleReferenceError:
        return
    assert image.size == (24, 40)


def test_the_photo_that_lost_a_batch_is_turned_upright(tmp_path: Path) -> None:
    content = encoded(drawing(), "JPEG", exif=tags([SIX, MALFORMED["a resolution unit of 32 bits"]]))
    assert loaded(tmp_path, content).size == (24, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = loaded(tmp_path, encoded(drawing(), kind, exif=exif.tobytes()))
    navy = {1: (10, 8), 2: (30, 8), 3: (30, 16), 4: (10, 16), 5: (8, 10), 6: (16, 10), 7: (16, 30), 8: (8, 30)}
    red, green, blue = image.getpixel(navy[orientation])
    assert blue > 90 and red < 40 and green < 40


def deep_grey(levels: np.ndarray, kind: str = "PNG", **tiff: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format=kind, **({"tiffinfo": {262: tiff["photometric"]}} if tiff else {}))
    return buffer.getvalue()


RAMP = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(16, 0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_become_even_levels(tmp_path: Path, kind: str) -> None:
    image = loaded(tmp_path, deep_grey(RAMP, kind))
    assert [image.getpixel((x, 0)) for x in range(256)] == [(x, x, x) for x in range(256)]


def test_a_transparent_level_of_sixteen_bits_is_white(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(RAMP).save(buffer, format="PNG", transparency=0)
    image = loaded(tmp_path, buffer.getvalue())
    assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == ((255, 255, 255), (1, 1, 1))


def test_fractions_are_scaled_and_other_numbers_of_32_bits_refused(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(16, 0)
    image = loaded(tmp_path, deep_grey(ramp, "TIFF"))
    assert [image.getpixel((x, 0))[0] for x in range(256)] == list(range(256))
    whole = np.arange(256, dtype=np.int32)[None].repeat(16, 0)
    not_finite = ramp.copy()
    not_finite[0, 0] = np.nan
    for levels in (ramp * 255, ramp - 0.5, not_finite, whole):
        with pytest.raises(StyleReferenceError, match=r"numbers from 0 to 1, in .*image\.png, got numbers of 32 bits"):
            loaded(tmp_path, deep_grey(levels, "TIFF"))


def clear(colour: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((6, 6, 26, 26), fill=colour)
    return image


@pytest.mark.parametrize(
    "image",
    [
        clear((255, 255, 255, 255)),
        clear((0, 0, 0, 0)),
        clear((0, 0, 0, 5)),
        Image.new("RGB", (32, 32), "red"),
        Image.new("L", (32, 32), 3),
        Image.new("1", (32, 32), 1),
        Image.new("LA", (32, 32), (255, 200)),
    ],
)
def test_an_image_in_which_nothing_is_to_be_seen_is_refused(tmp_path: Path, image: Image.Image) -> None:
    with pytest.raises(StyleReferenceError, match=r"something to see in .*image\.png, got one colour"):
        loaded(tmp_path, encoded(image, "PNG"))


def test_art_that_the_crop_cuts_off_is_refused_and_can_be_padded(tmp_path: Path) -> None:
    wide = Image.new("RGB", (200, 20), "white")
    ImageDraw.Draw(wide).rectangle((0, 0, 30, 20), fill="navy")
    wide.save(tmp_path / "wide.png")
    with pytest.raises(StyleReferenceError, match="the middle is cut out; .* fit: pad"):
        load_reference(str(tmp_path / "wide.png"), "crop")
    assert load_reference(str(tmp_path / "wide.png"), "pad").image.size == (200, 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("primaries", [P3, ADOBE_RGB])
def test_colours_of_a_wider_profile_become_those_of_srgb(
    tmp_path: Path, kind: str, primaries: tuple[tuple[float, float, float], ...]
) -> None:
    image = Image.new("RGB", (40, 40), (200, 100, 50))
    ImageDraw.Draw(image).rectangle((20, 0, 39, 39), fill=(120, 120, 120))
    plain = loaded(tmp_path, encoded(image, kind)).getpixel((8, 8))
    red, green, blue = loaded(tmp_path, encoded(image, kind, icc=rgb_profile(primaries))).getpixel((8, 8))
    assert red > plain[0] + 5 and blue < plain[2] - 5
    grey = loaded(tmp_path, encoded(image, kind, icc=rgb_profile(primaries))).getpixel((32, 8))
    assert max(abs(level - 120) for level in grey) <= 4


def test_inks_become_the_colours_of_their_profile(tmp_path: Path) -> None:
    image = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((20, 0, 39, 39), fill=(0, 0, 0, 0))
    assert loaded(tmp_path, encoded(image, "TIFF")).getpixel((8, 8)) == (0, 255, 255)
    for kind in ("TIFF", "JPEG"):
        printed = loaded(tmp_path, encoded(image, kind, icc=cmyk_profile()))
        red, green, blue = printed.getpixel((8, 8))
        assert red < 20 and 120 < green < 170 and 160 < blue < 220
        assert min(printed.getpixel((32, 8))) > 250


def test_a_profile_of_greys_or_colours_is_followed_for_a_grey_image(tmp_path: Path) -> None:
    image = drawing("L")
    plain = loaded(tmp_path, encoded(image, "PNG")).getpixel((0, 12))[0]
    assert loaded(tmp_path, encoded(image, "PNG", icc=grey_profile(1.0))).getpixel((0, 12))[0] > plain + 20
    assert abs(loaded(tmp_path, encoded(image, "PNG", icc=rgb_profile(P3))).getpixel((0, 12))[0] - plain) <= 4
    half = Image.merge("LA", (image, Image.new("L", image.size, 255)))
    assert loaded(tmp_path, encoded(half, "PNG", icc=grey_profile(1.0))).getpixel((0, 12))[0] > plain + 20


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"no profile at all"),
        ("RGB", rgb_profile(P3)[:200]),
        ("RGB", grey_profile(1.0)),
        ("L", cmyk_profile()),
        ("RGBA", cmyk_profile()),
    ],
)
def test_a_profile_that_does_not_belong_to_the_pixels_is_refused(tmp_path: Path, mode: str, profile: bytes) -> None:
    with pytest.raises(StyleReferenceError, match=r"a colour profile .* of .*image\.png.* convert the image to sRGB"):
        loaded(tmp_path, encoded(drawing(mode), "PNG", icc=profile))


def several(kind: str) -> bytes:
    buffer = io.BytesIO()
    drawing().save(buffer, format=kind, save_all=True, append_images=[drawing().rotate(180)])
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_of_several_pictures_nobody_knows_which_is_meant(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StyleReferenceError, match=r"one picture in .*image\.png, got an animation or pages; save the"):
        loaded(tmp_path, several(kind))


def test_what_cameras_and_editors_put_behind_a_picture_does_not_count(tmp_path: Path) -> None:
    assert loaded(tmp_path, several("MPO")).size == (40, 24)
    smaller = drawing(size=(20, 12))
    smaller.encoderinfo = {"tiffinfo": {0x00FE: 1}}
    buffer = io.BytesIO()
    drawing().save(buffer, format="TIFF", save_all=True, append_images=[smaller])
    assert loaded(tmp_path, buffer.getvalue()).size == (40, 24)


def deep_planes(bits: int) -> bytes:
    """A TIFF whose red, green and blue lie one after another, little end first."""
    red = np.linspace(0, 2**bits - 1, 32).round().astype(f"<u{bits // 8}")[None].repeat(32, 0)
    planes = [red.tobytes(), (red // 2).tobytes(), (red * 0).tobytes()]
    entries = [
        (256, 3, 1, 32), (257, 3, 1, 32), (258, 3, 3, 0), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 3, 1), (277, 3, 1, 3), (278, 3, 1, 32), (279, 4, 3, 2), (284, 3, 1, 2),
    ]  # fmt: skip
    behind = 8 + 2 + 12 * len(entries) + 4
    start, size = behind + 6 + 24, len(planes[0])
    lists = (behind, behind + 6, behind + 18)
    index = b"".join(
        struct.pack("<HHII", tag, kind, count, lists[value] if count == 3 else value)
        for tag, kind, count, value in entries
    )
    numbers = struct.pack("<3H6I", *[bits] * 3, *(start + size * plane for plane in range(3)), *[size] * 3)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + index + bytes(4) + numbers + b"".join(planes)


def test_deep_channels_that_lie_one_after_another_are_refused(tmp_path: Path) -> None:
    image = loaded(tmp_path, deep_planes(8))
    assert [image.getpixel((x, 5)) for x in (0, 31)] == [(0, 0, 0), (255, 127, 0)]
    with pytest.raises(StyleReferenceError, match="pixel by pixel, got 16 bits of one channel after another"):
        loaded(tmp_path, deep_planes(16))


OTHERS: dict[str, tuple[bytes, str]] = {
    "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo"),
    "photo.jpg": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC photo"),
    "film.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0isom", "a video"),
    "art.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "art2.svg": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- by hand -->\n<svg/>', "an SVG drawing"),
    "art.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n", "EPS or PostScript"),
    "art.ai": (b"%PDF-1.5\n", "a PDF"),
    "art.psd": (b"8BPS\0\x01", "a Photoshop file"),
    "page.png": (b"<!DOCTYPE html><html>", "a web page"),
    "art.ico": (b"\0\0\1\0\1\0", "an icon file"),
    "art.jxl": (b"\xff\x0a\x01", "a JPEG XL image"),
    "art.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
    "art.ppm": (b"P6 40 40 255 " + bytes(4800), "a Netpbm image"),
    "art.zip": (b"PK\3\4", "a ZIP archive"),
    "art.svgz": (b"\x1f\x8b\x08", "a gzip archive"),
    "raw.dng": (b"II*\0\x08\0\0\0\0\0", "a kind of TIFF that is not read here"),
    "text.png": (b"text", "4 bytes of something else"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_image_of_ours_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    content, kind = OTHERS[name]
    with pytest.raises(
        StyleReferenceError, match=f"{name} \\(PNG, JPEG, .*\\), got {kind}.*; save or export it as PNG"
    ):
        loaded(tmp_path, content, name)


@pytest.mark.parametrize("kind", ["EPS", "ICO", "PPM", "TGA", "PCX", "JPEG2000", "SGI", "QOI", "PDF"])
def test_only_the_formats_that_are_meant_are_opened(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StyleReferenceError, match="expected an image at"):
        loaded(tmp_path, encoded(drawing(size=(32, 32)), kind))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(StyleReferenceError, match="at most 64 megapixels in"):
        loaded(tmp_path, encoded(Image.new("1", (20_000, 20_000)), "PNG"))


@pytest.mark.parametrize("name", ["\0.png", "a::b.png", "C:\\a.png", "nosuch://a.png"])
def test_an_address_that_means_no_place_is_an_error_of_the_reference(name: str) -> None:
    with pytest.raises(StyleReferenceError):
        load_reference(name)


def test_a_device_or_a_pipe_is_not_read() -> None:
    with pytest.raises(StyleReferenceError, match="got a device or a pipe"):
        load_reference("/dev/zero")


@settings(max_examples=50, deadline=None)
@given(
    pixels=st.binary(min_size=1024, max_size=1024),
    alpha=st.binary(min_size=256, max_size=256),
    kind=st.sampled_from(["PNG", "TIFF"]),
    is_clear=st.booleans(),
)
def test_pixels_without_a_profile_stay_as_they_are_and_lie_on_white(
    tmp_path_factory: pytest.TempPathFactory, pixels: bytes, alpha: bytes, kind: str, is_clear: bool
) -> None:
    levels = np.frombuffer(pixels, np.uint8).reshape(16, 16, 4).copy()
    levels[:2, :, :3], levels[2:4, :, :3] = 0, 200  # something is to be seen
    levels[..., 3] = np.frombuffer(alpha, np.uint8).reshape(16, 16) if is_clear else 255
    levels[:4, :, 3] = 255
    image = Image.fromarray(levels) if is_clear else Image.fromarray(levels[..., :3])
    found = np.asarray(loaded(tmp_path_factory.getbasetemp(), encoded(image, kind))).astype(float)
    share = levels[..., 3:] / 255
    assert np.abs(found - (levels[..., :3] * share + 255 * (1 - share))).max() <= 1
