"""The image filters of the variants."""

from __future__ import annotations

import pytest
from PIL import Image

from data.corpus import FILTERS, Filtered


@pytest.mark.parametrize("filtered", FILTERS, ids=lambda filtered: filtered.variant)
def test_filters_change_the_image_keep_its_size_and_repeat_exactly(filtered: Filtered) -> None:
    image = Image.new("RGB", (128, 128), "white")
    image.paste((220, 60, 30), (30, 40, 100, 90))
    once, again = filtered.apply(image), filtered.apply(image)
    assert once.size == image.size and once.mode == "RGB"
    assert once.tobytes() == again.tobytes() != image.tobytes()
