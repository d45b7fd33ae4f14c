"""Icons to pixels: ink, and what a set draws in half transparent ink."""

from __future__ import annotations

import numpy as np
import pytest

from data.corpus.icons import Icon
from data.corpus.render import draw_ink, render

HALF_TRANSPARENT = {
    "by opacity": '<rect x="5" y="4" width="10" height="12" fill="black" opacity=".2"/>'
    '<path d="M3 4h14v2H3z" fill="black"/>',
    "in a mask": '<mask id="m"><rect x="5" y="4" width="10" height="12" fill="#555"/>'
    '<path d="M3 4h14v2H3z" fill="#fff"/></mask><path d="M0 0h20v20H0z" fill="black" mask="url(#m)"/>',
}
LINE, AREA, OUTSIDE = (32, 64), (64, 64), (2, 2)
"""(row, column) on the line, on what is half transparent, and on neither."""


def icon(drawn: str) -> Icon:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">{HALF_TRANSPARENT[drawn]}</svg>'
    return Icon(style="ph-duotone", name="n", concept="c", caption="c", tags=(), svg=svg)


@pytest.mark.parametrize("drawn", HALF_TRANSPARENT)
def test_what_is_half_transparent_is_drawn_but_no_ink(drawn: str) -> None:
    everything, ink = draw_ink(icon(drawn))
    assert [everything[place] for place in (LINE, AREA, OUTSIDE)] == [255, 255, 0]
    assert [ink[place] for place in (LINE, AREA, OUTSIDE)] == [255, 0, 0]
    assert (ink <= everything).all()


@pytest.mark.parametrize("drawn", HALF_TRANSPARENT)
def test_on_white_it_is_pale_ink(drawn: str) -> None:
    image = np.asarray(render(icon(drawn)))
    assert image[LINE].max() == 0
    assert 150 < image[AREA].min() < 250
    assert image[OUTSIDE].min() == 255
