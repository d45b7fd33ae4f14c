"""Icons to pixels: ink, fill and ground."""

from __future__ import annotations

import pytest
from PIL import Image

from data.corpus.icons import Icon
from data.corpus.render import render


@pytest.mark.parametrize("opacity", [0.2, 0.5])
@pytest.mark.parametrize(
    ("fill", "expected"), [("#fadc50", (250, 220, 80)), ("", None)], ids=["of its own", "of thinned ink"]
)
def test_half_transparent_parts_are_the_fill(opacity: float, fill: str, expected: tuple[int, int, int] | None) -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" fill="black">'
        f'<rect x="5" y="5" width="10" height="10" fill="black" opacity="{opacity}"/>'
        '<path d="M4 4h12v1H4z" fill="black"/></svg>'
    )
    image = render(
        Icon(style="s", name="n", concept="c", caption="c", tags=(), svg=svg, ink="#14285a", fill=fill, ground="white")
    )
    thinned = Image.blend(Image.new("RGB", (1, 1), "white"), Image.new("RGB", (1, 1), "#14285a"), opacity)
    wanted = expected or thinned.getpixel((0, 0))
    for place, colour in (((2, 2), (255, 255, 255)), ((64, 28), (20, 40, 90)), ((64, 64), wanted)):
        assert image.getpixel(place) == pytest.approx(colour, abs=2), place
