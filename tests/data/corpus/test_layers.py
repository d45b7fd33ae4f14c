"""Icons as layers."""

from __future__ import annotations

import numpy as np

from data.corpus.icons import Icon
from data.corpus.layers import COLOUR, DRAWN, ENCLOSED, INK, LAYER_PX, NUM_LAYERS, render_layers

FRAME = '<path d="M4 4h12v12H4z" fill="none" stroke="{ink}" stroke-width="2"/>'
"""A square outline, in a viewBox of 20."""
MIDDLE, LINE, OUTSIDE = (64, 64), (64, 26), (4, 4)
"""(row, column)"""


def icon(style: str, body: str) -> Icon:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">{body}</svg>'
    return Icon(style=style, name="n", concept="c", caption="c", tags=(), svg=svg)


def test_an_icon_of_one_colour_has_ink_and_what_it_encloses_but_no_colour() -> None:
    layers = render_layers(icon("tabler", FRAME.format(ink="black")))
    assert layers.shape == (LAYER_PX, LAYER_PX, NUM_LAYERS) and layers.dtype == np.uint8
    assert not layers[..., COLOUR].any()
    for place, (drawn, ink, enclosed) in {LINE: (255, 255, 255), MIDDLE: (0, 0, 255), OUTSIDE: (0, 0, 0)}.items():
        assert [layers[place][layer] for layer in (DRAWN, INK, ENCLOSED)] == [drawn, ink, enclosed], place


def test_a_small_gap_in_an_outline_does_not_let_the_outside_in_and_a_large_one_does() -> None:
    def with_gap(height: float) -> np.ndarray:
        outline = f'<path d="M4 {10 - height / 2}V4h12v12H4V{10 + height / 2}" fill="none" stroke="black"/>'
        return render_layers(icon("tabler", outline))

    assert with_gap(1)[MIDDLE][ENCLOSED] == 255
    assert with_gap(6)[MIDDLE][ENCLOSED] == 0


def test_a_coloured_icon_has_its_colours_where_it_is_drawn() -> None:
    layers = render_layers(icon("noto", FRAME.format(ink="#c03010")))
    assert layers[LINE][COLOUR].tolist() == [0xC0, 0x30, 0x10]
    assert layers[MIDDLE][COLOUR].tolist() == [0, 0, 0]
    assert np.array_equal(layers[..., DRAWN], layers[..., INK])


def test_half_transparent_parts_are_drawn_and_no_ink() -> None:
    body = FRAME.format(ink="black") + '<path d="M5 5h10v10H5z" fill="black" opacity=".2"/>'
    layers = render_layers(icon("ph-duotone", body))
    assert (layers[MIDDLE][DRAWN], layers[MIDDLE][INK]) == (255, 0)


def test_what_cannot_be_rendered_is_empty() -> None:
    assert not render_layers(icon("tabler", "<not an svg")).any()
