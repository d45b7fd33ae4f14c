"""Icons to pixels: ink, fill and ground."""

from __future__ import annotations

import pytest
from PIL import Image, ImageColor

from data.corpus.icons import Icon
from data.corpus.render import render

THINNED = {
    "by opacity": '<rect x="5" y="4" width="10" height="12" fill="black" opacity=".2"/>'
    '<path d="M3 4h14v2H3z" fill="black"/>',
    "in a mask": '<mask id="m"><rect x="5" y="4" width="10" height="12" fill="#555"/>'
    '<path d="M3 4h14v2H3z" fill="#fff"/></mask><path d="M0 0h20v20H0z" fill="black" mask="url(#m)"/>',
}


def _icon(thinned: str, fill: str) -> Image.Image:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">{THINNED[thinned]}</svg>'
    return render(
        Icon(style="s", name="n", concept="c", caption="c", tags=(), svg=svg, ink="#14285a", fill=fill, ground="white")
    )


@pytest.mark.parametrize("thinned", THINNED)
def test_what_is_thinned_is_the_fill_and_nothing_else_is(thinned: str) -> None:
    image = _icon(thinned, "#fadc50")
    for place, colour in (((2, 2), "white"), ((64, 32), "#14285a"), ((64, 64), "#fadc50")):
        assert image.getpixel(place) == ImageColor.getrgb(colour), place
    # Where the ink ends on the ground is no rim of the fill: every pixel is a mixture of the two.
    for y in range(20, 44):
        red, _, blue = image.getpixel((22, y))
        assert blue >= red, y


@pytest.mark.parametrize("thinned", THINNED)
def test_without_a_fill_it_is_thinned_ink(thinned: str) -> None:
    red, _, blue = _icon(thinned, "").getpixel((64, 64))
    assert 150 < red < blue < 250
