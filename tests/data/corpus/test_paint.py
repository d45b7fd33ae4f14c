"""Layers and a look to a picture."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from data.corpus.colours import BLACK, WHITE, Colour
from data.corpus.layers import COLOUR, DRAWN, ENCLOSED, INK, LAYER_PX, NUM_LAYERS
from data.corpus.looks import Fill, Ground, Look, Palette, Shadow, Texture
from data.corpus.paint import Placement, draw_placement, paint

RED: Colour = (0.9, 0.1, 0.1)
BLUE: Colour = (0.1, 0.2, 0.9)
MIDDLE, LINE, CORNER = (64, 64), (64, 33), (2, 2)
"""(row, column) within the outline, on it, and outside."""


def frame(colour: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """The layers of a square outline with a bar below it."""
    layers = np.zeros((LAYER_PX, LAYER_PX, NUM_LAYERS), dtype=np.uint8)
    outline = np.zeros((LAYER_PX, LAYER_PX), dtype=bool)
    outline[30:96, 30:96] = True
    layers[outline, ENCLOSED] = 255
    outline[36:90, 36:90] = False
    outline[102:108, 30:96] = True
    layers[outline, DRAWN] = layers[outline, INK] = layers[outline, ENCLOSED] = 255
    layers[outline, COLOUR] = colour
    return layers


def painted(look: Look, placement: Placement | None = None, *, size_px: int = LAYER_PX, seed: int = 0) -> np.ndarray:
    layers = frame() if look.style == "tabler" else frame((200, 120, 30))
    return paint(layers, look, placement or Placement(), np.random.default_rng(seed), size_px=size_px)


LOOK = Look(style="tabler", ground="plain", ground_colours=(RED, RED), fill="hatched", fill_colours=(BLUE, BLUE))


@pytest.mark.parametrize("size_px", [16, 64, 128])
def test_a_picture_has_the_size_asked_for(size_px: int) -> None:
    picture = painted(LOOK, size_px=size_px)
    assert picture.shape == (size_px, size_px, 3) and picture.dtype == np.uint8


def test_the_plain_look_is_ink_on_white() -> None:
    picture = painted(Look(style="tabler"))
    assert picture[LINE].tolist() == [0, 0, 0]
    assert picture[MIDDLE].tolist() == picture[CORNER].tolist() == [255, 255, 255]
    coloured = painted(Look(style="noto"))
    assert coloured[LINE].tolist() == [200, 120, 30]


def test_ink_fill_and_ground_have_the_colours_of_the_look() -> None:
    look = Look(
        style="tabler", ink=BLUE, fill="flat", fill_colours=(WHITE, WHITE), ground="plain", ground_colours=(RED, RED)
    )
    picture = painted(look) / 255
    for place, colour in ((LINE, BLUE), (MIDDLE, WHITE), (CORNER, RED)):
        assert picture[place] == pytest.approx(colour, abs=0.01), place


_COLOURS = {"fill_colours": (RED, BLUE), "ground_colours": (RED, BLUE), "palette_colours": (BLACK, RED, WHITE)}


@pytest.mark.parametrize(
    ("style", "factors"),
    [
        ("tabler", {"ink": RED}),
        ("tabler", {"accent": RED}),
        *(("tabler", {"fill": fill}) for fill in get_args(Fill) if fill != "none"),
        ("tabler", {"stroke": 0.03}),
        ("tabler", {"stroke": -0.008}),
        ("tabler", {"has_gaps": True}),
        ("tabler", {"roughness": 2.0}),
        *(("noto", {"palette": palette, "hue_turn": 0.3}) for palette in get_args(Palette) if palette != "own"),
        ("noto", {"rim": RED, "rim_width": 0.04}),
        *(
            (style, {"shadow": shadow, "shadow_offset": (0.06, 0.05), "shadow_colour": RED})
            for shadow in get_args(Shadow)
            if shadow != "none"
            for style in ("tabler", "noto")
        ),
        *(("noto", {"ground": ground}) for ground in get_args(Ground) if ground != "white"),
        ("noto", {"slant": 0.2}),
        ("noto", {"tilt": 0.2}),
        *(("tabler", {"texture": texture}) for texture in get_args(Texture) if texture != "none"),
    ],
    ids=str,
)
def test_every_factor_changes_pixels(style: str, factors: dict[str, object]) -> None:
    plain = Look(style=style, **_COLOURS)
    changed = painted(replace(plain, **factors))
    assert np.abs(changed.astype(int) - painted(plain)).mean() > 0.3
    assert np.array_equal(changed, painted(replace(plain, **factors)))


def test_no_two_fills_or_grounds_are_alike() -> None:
    fills = [painted(Look(style="tabler", fill=fill, **_COLOURS)) for fill in get_args(Fill)]
    grounds = [painted(Look(style="noto", ground=ground, **_COLOURS)) for ground in get_args(Ground)]
    for pictures in (fills, grounds):
        for number, one in enumerate(pictures):
            assert all(np.abs(one.astype(int) - other).mean() > 0.3 for other in pictures[number + 1 :])


def test_a_shadow_falls_where_its_offset_says() -> None:
    look = Look(style="noto", shadow="hard", shadow_colour=RED, shadow_offset=(0.08, 0.0))
    right, left = painted(look)[64, 103], painted(look)[64, 22]
    assert right / 255 == pytest.approx(RED, abs=0.01)
    assert left.tolist() == [255, 255, 255]


def test_a_placement_moves_scales_and_mirrors() -> None:
    look = Look(style="noto")

    def left_and_right(placement: Placement) -> tuple[int, int]:
        columns = np.nonzero((painted(look, placement) < 128).any(axis=(0, 2)))[0]
        return int(columns[0]), int(columns[-1])

    assert left_and_right(Placement()) == (30, 95)
    assert left_and_right(Placement(shift=(0.1, 0.0))) == pytest.approx((43, 108), abs=1)
    assert left_and_right(Placement(scale=0.5)) == pytest.approx((47, 79), abs=1)
    assert left_and_right(Placement(is_mirrored=True)) == (32, 97)


def test_what_must_not_be_mirrored_never_is() -> None:
    rng = np.random.default_rng(0)
    assert not any(draw_placement(rng, may_mirror=False).is_mirrored for _ in range(50))
    assert 10 < sum(draw_placement(rng, may_mirror=True).is_mirrored for _ in range(50)) < 40
