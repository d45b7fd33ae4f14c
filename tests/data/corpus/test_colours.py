from __future__ import annotations

import numpy as np
import pytest

from data.corpus.colours import BLACK, WHITE, draw_colour, luminance, name_of


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        (BLACK, "black"), (WHITE, "white"), ((0.5, 0.5, 0.5), "grey"), ((0.8, 0.8, 0.8), "light grey"),
        ((1, 0, 0), "red"), ((1, 0, 0.05), "red"), ((0.3, 0, 0), "dark red"), ((1, 0.8, 0.8), "pale pink"),
        ((0, 0, 0.4), "navy blue"), ((0.8, 0.85, 1), "pale blue"), ((0.4, 0.2, 0), "brown"), ((1, 0.9, 0.8), "cream"),
        ((0, 0.7, 0.6), "teal"), ((0.8, 0, 0.8), "magenta"),
    ],
)  # fmt: skip
def test_colours_have_the_names_that_people_give_them(colour: tuple[float, float, float], name: str) -> None:
    assert name_of(colour) == name


def test_deep_colours_are_dark_pale_ones_light_and_all_are_named() -> None:
    rng = np.random.default_rng(0)
    deep, strong, pale = ([draw_colour(rng, tone) for _ in range(300)] for tone in ("deep", "strong", "pale"))
    assert max(map(luminance, deep)) < 0.5 < 0.6 < min(map(luminance, pale))
    assert all(0 <= channel <= 1 for colour in (*deep, *strong, *pale) for channel in colour)
    assert len({name_of(colour) for colour in (*deep, *strong, *pale)}) > 30
