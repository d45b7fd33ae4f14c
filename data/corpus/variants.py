"""Styles made from base styles: monochrome sets in other colours, colour sets through a filter.

Every variant of every base shows the same widely known things first, so that style is what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from data.corpus.filters import emboss, halftone, neon, oil_paint, pencil, pixelate, stained_glass, watercolour
from data.corpus.icons import Icon
from data.corpus.recolours import RECOLOURS
from data.corpus.render import Job
from data.corpus.shards import fraction

FILTERED_IMAGES = 250
"""Of a filtered variant, at most."""
SHARED_COVERAGE = 5
"""Concepts shown by at least this many base styles are preferred as sources of variants."""

_EVERYDAY = (
    "house car sun tree heart key umbrella rocket fish crown camera bicycle guitar cake shield cat dog star moon book "
    "bell lock cloud flower apple airplane clock gift envelope phone hat boat ship cup ball"
)
EVERYDAY = tuple(_EVERYDAY.split())
"""Words whose coverage is printed after a build: the plain things that prompts ask for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filtered:
    """A variant of a colour set: its images through a filter."""

    base: str
    variant: str
    apply: Callable[[Image.Image], Image.Image]


FILTERS = (
    Filtered(base="noto", variant="pencil", apply=pencil),
    Filtered(base="fluent-emoji-flat", variant="watercolour", apply=watercolour),
    Filtered(base="twemoji", variant="halftone", apply=halftone),
    Filtered(base="noto", variant="pixelate", apply=pixelate),
    Filtered(base="twemoji", variant="stained-glass", apply=stained_glass),
    Filtered(base="fluent-emoji-flat", variant="neon", apply=neon),
    Filtered(base="fluent-emoji-3d", variant="embossed", apply=emboss),
    Filtered(base="fluent-emoji-3d", variant="oil-paint", apply=oil_paint),
)


def variants_made() -> list[str]:
    """All that says which variants are made, and how."""
    return [repr(one) for one in RECOLOURS] + [f"{one.base}+{one.variant}" for one in FILTERS]


def variant_jobs(icons: Sequence[Icon], coverage: Mapping[str, int]) -> list[Job]:
    """The images of all variants, made from `icons`; `coverage` is the number of base styles that show a concept."""
    recoloured = [
        Job(
            replace(icon, ink=recolour.ink, fill=recolour.fill, ground=recolour.ground),
            f"{recolour.base}+{recolour.variant}",
        )
        for recolour in RECOLOURS
        for icon in _sources(icons, recolour.base, coverage)[: recolour.num_images]
    ]
    filtered = [
        Job(icon, f"{variant.base}+{variant.variant}", variant.apply)
        for variant in FILTERS
        for icon in _sources(icons, variant.base, coverage)[:FILTERED_IMAGES]
    ]
    return recoloured + filtered


def _sources(icons: Sequence[Icon], base: str, coverage: Mapping[str, int]) -> list[Icon]:
    """One icon a concept; widely shown concepts first, and the same ones for every base."""
    first: dict[str, Icon] = {}
    for icon in icons:
        if icon.style == base and (
            icon.concept not in first or icon.caption == icon.concept != first[icon.concept].caption
        ):
            first[icon.concept] = icon

    def place(icon: Icon) -> tuple[bool, bool, float]:
        return icon.concept not in EVERYDAY, coverage[icon.concept] < SHARED_COVERAGE, fraction(icon.concept)

    return sorted(first.values(), key=place)
