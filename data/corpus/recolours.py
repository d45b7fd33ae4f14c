"""Variants of monochrome sets: a set, an ink and a ground or fill meet in many mixtures, and the words name them.

So a base learns what colour words do to any line or glyph, instead of a few colours of a few sets by heart. Besides a
few chosen by hand, every set of `LOOKS` has `PAIRS_OF_EACH_SET` pairs of ink and ground, half of them on white; which
ones follows from the set's place in the table, so that no two sets have the same. Sets with fills that are half
transparent, those of `FILLED_LOOKS`, also have fills of another colour than their ink, on white,
`PAIRS_OF_EACH_FILLED_SET` pairs each but for the one that a held-out style has.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

PAIRS_OF_EACH_SET = 6
PAIRS_OF_EACH_FILLED_SET = 12

LOOKS = {
    "tabler": ("{ink} line art", "medium {ink} outline icon", "simple {ink} outline"),
    "ph-thin": ("very thin {ink} line art", "hairline {ink} outline", "delicate thin {ink} lines"),
    "ph-fill": ("solid {ink} rounded glyph", "filled {ink} glyph", "solid {ink} shape"),
    "ph-duotone": ("{ink} line icon with pale fill", "{ink} line and pale {ink}", "duotone {ink} line icon"),
    "icon-park-twotone": (
        "thick {ink} outline icon with pale fill", "{ink} outline and pale {ink} fill", "thick {ink} outline",
    ),
    "solar-broken": ("{ink} line icon with gaps in the strokes", "broken {ink} line", "{ink} outline with gaps"),
    "solar-bold-duotone": ("solid two-tone {ink} glyph", "solid {ink} and pale {ink} duotone", "bold {ink} duotone"),
    "material-symbols-sharp": (
        "sharp-cornered {ink} outline icon", "angular {ink} line icon", "{ink} outline with sharp corners",
    ),
    "game-icons": ("bold {ink} woodcut", "{ink} silhouette with carved details", "{ink} woodcut-like silhouette"),
    "healthicons": ("solid {ink} pictogram", "plain {ink} pictogram", "{ink} health pictogram"),
    "guidance": ("thin geometric {ink} sign", "thin {ink} wayfinding pictogram", "thin geometric {ink} line icon"),
    "pixelarticons": ("{ink} pixel outline", "pixelated {ink} outline icon", "{ink} 1-bit pixel outline icon"),
    "dinkie-icons": ("chunky {ink} pixel icon", "chunky {ink} pixels", "low-resolution {ink} pixel art"),
    "fluent-emoji-high-contrast": ("thick {ink} line emoji", "bold {ink} line drawing", "thick {ink} line art"),
    "emojione-monotone": ("{ink} silhouette emoji", "{ink} silhouette with cut-out details", "one-colour {ink} emoji"),
}  # fmt: skip
"""Set -> phrasings of its look in some ink."""

FILLED_LOOKS = {
    "ph-duotone": ("{ink} line icon with {fill} fill", "{ink} line and {fill}", "duotone {ink} and {fill} line icon"),
    "icon-park-twotone": (
        "thick {ink} outline icon with {fill} fill", "{ink} outline and {fill} fill", "thick {ink} outline over {fill}",
    ),
    "solar-bold-duotone": (
        "solid two-tone {ink} and {fill} glyph", "solid {ink} and {fill} duotone", "bold {ink} and {fill} duotone",
    ),
}  # fmt: skip
"""Set -> phrasings of its look in some ink with some other fill."""

INKS = {
    "navy blue": "#14285a",
    "red": "#d0282e",
    "green": "#17823b",
    "purple": "#6d28a8",
    "orange": "#ee7a12",
    "bright blue": "#2563eb",
    "brown": "#6b3e1f",
    "pink": "#e8559a",
    "teal": "#0f8a8a",
    "dark red": "#7c1420",
    "grey": "#7a7a7a",
}
DARK_INKS = ("navy blue", "green", "purple", "brown", "dark red", "bright blue", "red", "teal")
"""Those that are read on a pale ground of any colour."""
PALE = {
    "cream": "#fbf1d8",
    "yellow": "#fadc50",
    "pale blue": "#cfe4fa",
    "pale pink": "#fbd3e0",
    "mint green": "#c9efd8",
    "light grey": "#dcdcdc",
    "white": "#ffffff",
}
"""Grounds of dark inks; and the inks of what is white or pale on a dark ground."""
COLOURS = {"black": "#000000"} | INKS | PALE
"""All that have a name."""
FILLED_INKS = ("black", *DARK_INKS)
"""Those of two-tone variants."""
FILLS = ("yellow", "pale blue", "pale pink", "mint green", "orange", "light grey")
"""Between dark inks."""
_A_HELD_OUT_STYLES = ("navy blue", "pale blue")
"""The ink and the fill of one: never trained on together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recolour:
    """A variant of a monochrome set: another ink on another ground, or over another fill."""

    base: str
    variant: str
    ink: str
    fill: str = ""
    """As an `Icon`'s."""
    ground: str
    num_images: int = 250
    """At most."""
    phrases: tuple[str, ...] = ()
    """Of its look; those of the variants made by hand stand in phrases.json, with the sets'."""


BY_HAND = (
    Recolour(base="tabler", variant="white-on-navy", ink="#ffffff", ground="#14284b"),
    Recolour(base="ph-fill", variant="red-on-cream", ink="#c8202a", ground="#fbf1d8"),
    Recolour(base="game-icons", variant="gold-on-black", ink="#e3b23c", ground="#0c0c0c"),
    Recolour(base="ph-thin", variant="green-on-white", ink="#0b8a3e", ground="#ffffff"),
    Recolour(base="ph-fill", variant="white-on-orange", ink="#ffffff", ground="#f07818"),
    Recolour(base="fluent-emoji-high-contrast", variant="pink-on-purple", ink="#ff9ad5", ground="#4b1d73"),
    Recolour(base="material-symbols-sharp", variant="cyan-on-dark-grey", ink="#2fd6e8", ground="#2b2e33"),
    Recolour(base="game-icons", variant="brown-on-beige", ink="#6b3e1f", ground="#e9d9bd"),
)


def _by_rule(place: int, base: str) -> list[Recolour]:
    inks, darks, pales = list(INKS), list(DARK_INKS), [name for name in PALE if name != "white"]
    pairs = []
    for number in range(PAIRS_OF_EACH_SET // 2):
        turn = place * (PAIRS_OF_EACH_SET // 2) + number
        pairs.append((inks[turn % len(inks)], "white"))
        dark, pale = darks[turn % len(darks)], pales[(turn + turn // len(darks)) % len(pales)]
        # Every third is pale on dark.
        pairs.append((pale, dark) if number == 2 else (dark, pale))
    return [
        Recolour(
            base=base,
            variant=f"{ink}-on-{ground}".replace(" ", "-"),
            ink=COLOURS[ink],
            ground=COLOURS[ground],
            num_images=120,
            phrases=_phrases(base, ink, ground),
        )
        for ink, ground in pairs
    ]


def _phrases(base: str, ink: str, ground: str) -> tuple[str, ...]:
    """White is what nobody names each time: only the first phrasing does."""
    looks = [look.format(ink=ink) for look in LOOKS[base]]
    if ground == "white":
        return (f"{looks[0]} on white", *looks[1:])
    return (f"{looks[0]} on {ground}", f"{looks[1]} on a {ground} background", f"{looks[2]} on {ground}")


def _filled_by_rule(place: int, base: str) -> list[Recolour]:
    turns = range(place * PAIRS_OF_EACH_FILLED_SET, (place + 1) * PAIRS_OF_EACH_FILLED_SET)
    every = math.lcm(len(FILLED_INKS), len(FILLS))
    pairs = [(FILLED_INKS[turn % len(FILLED_INKS)], FILLS[(turn + turn // every) % len(FILLS)]) for turn in turns]
    return [
        Recolour(
            base=base,
            variant=f"{ink}-and-{fill}".replace(" ", "-"),
            ink=COLOURS[ink],
            fill=COLOURS[fill],
            ground="#ffffff",
            num_images=120,
            phrases=tuple(look.format(ink=ink, fill=fill) for look in FILLED_LOOKS[base]),
        )
        for ink, fill in pairs
        if (ink, fill) != _A_HELD_OUT_STYLES
    ]


_NAMED_BY_HAND = {(one.base, one.variant) for one in BY_HAND}
BY_RULE = tuple(
    one
    for place, base in enumerate(LOOKS)
    for one in _by_rule(place, base)
    if (one.base, one.variant) not in _NAMED_BY_HAND
)
FILLED = tuple(itertools.chain.from_iterable(_filled_by_rule(place, base) for place, base in enumerate(FILLED_LOOKS)))
RECOLOURS = BY_HAND + BY_RULE + FILLED
