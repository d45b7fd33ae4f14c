import pytest
from PIL import Image, ImageChops, ImageDraw

from styledrop.leak import THRESHOLD, excess_likeness


def picture(shape: str, fill: str = "navy", back: str = "cornsilk", size_px: int = 64) -> Image.Image:
    image = Image.new("RGB", (size_px, size_px), back)
    at = tuple(size_px * eighth // 8 for eighth in ((1, 1, 7, 7) if shape == "disc" else (3, 1, 5, 7)))
    draw = ImageDraw.Draw(image)
    (draw.ellipse if shape == "disc" else draw.rectangle)(at, fill=fill)
    return image


DISC, BAR = picture("disc"), picture("bar")


def test_a_copy_leaks_whatever_its_colours_and_size() -> None:
    copies = [DISC, picture("disc", "white", "crimson"), picture("disc", size_px=256)]
    assert (excess_likeness([DISC], copies, [BAR] * 3) > 0.5).all()
    assert (excess_likeness([DISC], copies, [BAR] * 3) > THRESHOLD).all()


def test_a_copy_leaks_that_is_moved_as_far_as_a_view() -> None:
    aside = ImageChops.offset(DISC, 4, -4)  # its margin is wider than that
    assert excess_likeness([DISC], [aside], [BAR])[0] == pytest.approx(
        excess_likeness([DISC], [DISC], [BAR])[0], abs=0.05
    )


def test_another_content_in_the_same_style_does_not_leak() -> None:
    assert excess_likeness([DISC], [BAR], [picture("bar", "black", "white")])[0] == pytest.approx(0, abs=0.02)


def test_of_several_references_the_most_alike_counts() -> None:
    empty = Image.new("RGB", (64, 64), "white")
    alone, beside = (excess_likeness(references, [DISC, BAR], [empty, empty]) for references in ([DISC], [DISC, BAR]))
    assert list(beside) == [pytest.approx(1), pytest.approx(1)]
    assert list(alone) == [pytest.approx(1), pytest.approx(0, abs=0.5)]


def test_what_cannot_be_compared_is_refused_in_words() -> None:
    for references, images, untuned in (([], [DISC], [DISC]), ([DISC], [], []), ([DISC], [DISC, BAR], [DISC])):
        with pytest.raises(ValueError, match="as many images with the adapter as without"):
            excess_likeness(references, images, untuned)
