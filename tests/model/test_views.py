"""Views: an image and its moved copies."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

import styledrop


def _dot(size: int = 64) -> Image.Image:
    image = Image.new("RGB", (size, size), "#cfe4fa")
    ImageDraw.Draw(image).ellipse((16, 24, 40, 48), fill="#14285a")
    return image


def test_the_first_view_is_the_image_and_the_others_are_moved_a_little() -> None:
    image = _dot()
    first, *others = styledrop.views(image, 20)
    assert len(others) == 19 and np.array_equal(first, image)
    places = np.array([np.argwhere(np.asarray(view)[..., 0] < 100).mean(axis=0) for view in others])
    assert np.abs(places - (36, 28)).max() < 10  # its place, moved by 6 % of the side and scaled by 10 %
    assert places.std(axis=0).min() > 1
    for view in others:
        assert view.size == image.size
        assert view.getpixel((0, 0)) == image.getpixel((0, 0)), "what comes in repeats the border"


def test_views_follow_from_the_seed() -> None:
    image = _dot()
    assert np.array_equal(styledrop.views(image, 4, seed=1)[3], styledrop.views(image, 4, seed=1)[3])
    assert not np.array_equal(styledrop.views(image, 4, seed=1)[3], styledrop.views(image, 4, seed=2)[3])


def test_one_view_is_the_image_alone_and_none_is_refused() -> None:
    [view] = styledrop.views(_dot(), 1)
    assert np.array_equal(view, _dot())
    with pytest.raises(styledrop.TuningError, match="at least one view, the image itself, got 0"):
        styledrop.views(_dot(), 0)
