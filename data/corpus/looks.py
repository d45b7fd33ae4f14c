"""The space of looks: what an icon can be drawn as, factor by factor, and the words for it.

Every picture gets a random look of its own, so a base that is trained on them meets no look twice and learns the
factors instead. Most factors of a look have words; `words_of` leaves some out, so that a look is more than its words.

Two kinds of looks are never trained on (`is_left_out`): those that would imitate a held-out style, and `KEPT_SHARE` of
all combinations of factors, which are for measuring and for searching settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from data.corpus.colours import BLACK, WHITE, Colour, Tone, draw_colour, luminance, name_of
from data.corpus.phrases import line_phrases
from data.corpus.sets import ONE_COLOUR

KEPT_SHARE = 0.08
"""Share of the combinations of factors that are kept from training."""

Fill = Literal["none", "flat", "offset", "gradient", "hatched", "dotted"]
Shadow = Literal["none", "hard", "soft", "long"]
Ground = Literal["white", "plain", "disc", "tile", "gradient", "stripes", "dots"]
Palette = Literal["own", "turned", "duotone", "tritone", "pastel", "deep"]
Texture = Literal["none", "grain", "halftone", "pencil", "watercolour", "relief", "glass", "neon", "pixels"]

_ROUGH_PX = 1.2
"""From here on a line looks drawn by hand."""

LINE = line_phrases()
"""Phrasings of each one-colour set's line in some ink."""

_PIXEL_SETS = frozenset({"pixelarticons", "dinkie-icons", "streamline-pixel"})
"""Their grid of pixels is their look: it is neither bent nor thickened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Everything about a picture but its content; lengths are shares of the picture's side."""

    style: str
    """The set whose drawing it is; sets of one colour take ink and fill, the others a palette."""
    ink: Colour = BLACK
    accent: Colour | None = None
    """Ink of some of the separate strokes."""
    fill: Fill = "none"
    fill_colours: tuple[Colour, Colour] = (WHITE, WHITE)
    """The second is a gradient's other end."""
    stroke: float = 0.0
    """How much wider a line is than the set draws it."""
    has_gaps: bool = False
    roughness: float = 0.0
    """How far a line strays, in pixels of a picture of 128."""
    palette: Palette = "own"
    palette_colours: tuple[Colour, ...] = ()
    """Of a duotone or tritone, dark to light."""
    hue_turn: float = 0.0
    rim: Colour | None = None
    """Border around the whole drawing, as a sticker's."""
    rim_width: float = 0.0
    shadow: Shadow = "none"
    shadow_colour: Colour = BLACK
    shadow_offset: tuple[float, float] = (0.0, 0.0)
    """Across and down."""
    ground: Ground = "white"
    ground_colours: tuple[Colour, Colour] = (WHITE, WHITE)
    slant: float = 0.0
    tilt: float = 0.0
    """In radians."""
    texture: Texture = "none"
    angle: float = 0.0
    """Of gradients, hatching and stripes, in radians."""
    spacing: float = 0.06
    """Of hatching, stripes, dots and halftone."""


def draw_look(style: str, rng: np.random.Generator, *, kept: bool = False) -> Look:
    """Draw a look for an icon of `style`: with `kept`, one that is kept from training, else one to train on."""
    while True:
        look = _draw_look(style, rng)
        if not imitates_held_out(look) and is_kept(look) == kept:
            return look


def is_left_out(look: Look) -> bool:
    """Whether no training may see the look."""
    return imitates_held_out(look) or is_kept(look)


def is_kept(look: Look) -> bool:
    """Whether the combination of the look's factors is kept for measuring; plain looks never are."""
    if look == Look(style=look.style):
        return False
    digest = hashlib.sha256("|".join(key_of(look)).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < KEPT_SHARE


def key_of(look: Look) -> tuple[str, ...]:
    """The look's combination of factors, colours by their names; places, angles and widths are no part of it."""
    colours = (look.ink, look.fill_colours[0], look.ground_colours[0], *look.palette_colours)
    kinds = (look.fill, look.palette, look.shadow, look.ground, look.texture)
    flags = (look.accent, look.rim, look.has_gaps or None, look.roughness > _ROUGH_PX or None)
    return (*kinds, *(name_of(colour) for colour in colours), *("-+"[flag is not None] for flag in flags))


def imitates_held_out(look: Look) -> bool:
    """Whether the look has what makes a held-out style that style.

    Offset prints: a dark line over a grey fill or hard shadow set aside. Angular outlines: navy with pale blue. Ink
    doodles: a rough dark line with blue. Stickers and outlined emoji: a dark border around a colour drawing.
    """
    is_line, ink = look.style in ONE_COLOUR, name_of(look.ink)
    fill = name_of(look.fill_colours[0]) if look.fill != "none" else ""
    if is_line and luminance(look.ink) < 0.35:
        is_grey_print = look.fill == "offset" and "grey" in fill
        is_grey_shadow = look.shadow == "hard" and "grey" in name_of(look.shadow_colour)
        if is_grey_print or is_grey_shadow:
            return True
    if is_line and ink == "navy blue" and "blue" in fill:
        return True
    if is_line and look.roughness > _ROUGH_PX and luminance(look.ink) < 0.35:
        accent = name_of(look.accent) if look.accent is not None else ""
        if "blue" in f"{fill} {accent}":
            return True
    return not is_line and look.rim is not None and luminance(look.rim) < 0.35


def _draw_look(style: str, rng: np.random.Generator) -> Look:
    look = Look(style=style)
    if rng.random() < 0.2:
        return look
    is_dark = rng.random() < 0.22  # a light drawing on a dark ground
    look = _with_line(look, rng, is_dark) if style in ONE_COLOUR else _with_palette(look, rng)
    look = _with_surroundings(look, rng, is_dark)
    if rng.random() < 0.14:
        # Few, since they cost a generator most: it cannot know where a speckle falls.
        textures: dict[Texture, float] = {
            "grain": 1, "halftone": 2, "pencil": 1, "watercolour": 2, "relief": 1, "glass": 1, "neon": 1, "pixels": 1,
        }  # fmt: skip
        look = replace(look, texture=_choice(rng, textures))
    return replace(
        look,
        slant=float(rng.uniform(-0.25, 0.25)) if rng.random() < 0.1 else 0.0,
        tilt=float(rng.uniform(-0.3, 0.3)) if rng.random() < 0.1 else 0.0,
        angle=float(rng.uniform(0, np.pi)),
        spacing=float(rng.uniform(0.045, 0.09)),
    )


def _with_line(look: Look, rng: np.random.Generator, is_dark: bool) -> Look:
    """Draw the ink, the fill and the strokes of an icon of one colour."""
    if is_dark:
        ink = WHITE if rng.random() < 0.3 else draw_colour(rng, "strong" if rng.random() < 0.5 else "pale")
    else:
        ink = BLACK if rng.random() < 0.35 else draw_colour(rng, "deep" if rng.random() < 0.6 else "strong")
    look = replace(look, ink=ink)
    if rng.random() < 0.55:
        fills: dict[Fill, float] = {"flat": 5, "offset": 2, "gradient": 2, "hatched": 1, "dotted": 1}
        fill = _choice(rng, fills)
        tones: tuple[Tone, Tone] = ("strong", "deep") if is_dark else ("pale", "strong")
        one, other = (draw_colour(rng, tones[int(rng.integers(2))]) for _ in range(2))
        look = replace(look, fill=fill, fill_colours=(one, other))
    if rng.random() < 0.12:
        look = replace(look, accent=draw_colour(rng, "strong"))
    if look.style in _PIXEL_SETS:
        return look
    if rng.random() < 0.4:
        look = replace(look, stroke=float(rng.uniform(-0.008, 0.035)))
    if rng.random() < 0.12:
        look = replace(look, has_gaps=True)
    if rng.random() < 0.2:
        look = replace(look, roughness=float(rng.uniform(0.5, 2.5)))
    return look


def _with_palette(look: Look, rng: np.random.Generator) -> Look:
    """Draw the colours of an icon that has colours of its own."""
    palettes: dict[Palette, float] = {"own": 4, "turned": 3, "duotone": 2, "tritone": 1, "pastel": 1, "deep": 1}
    palette = _choice(rng, palettes)
    look = replace(look, palette=palette)
    if palette in ("duotone", "tritone"):
        middle = (draw_colour(rng, "strong"),) if palette == "tritone" else ()
        look = replace(look, palette_colours=(draw_colour(rng, "deep"), *middle, draw_colour(rng, "pale")))
    if palette == "turned":
        look = replace(look, hue_turn=float(rng.uniform(0.1, 0.9)))
    if rng.random() < 0.12:
        look = replace(look, roughness=float(rng.uniform(0.5, 2.0)))
    return look


def _with_surroundings(look: Look, rng: np.random.Generator, is_dark: bool) -> Look:
    """Draw the ground, the rim and the shadow."""
    if is_dark or rng.random() < 0.4:
        grounds: dict[Ground, float] = {"plain": 5, "disc": 2, "tile": 2, "gradient": 1, "stripes": 1, "dots": 1}
        ground = _choice(rng, grounds)
        tone: Tone = "deep" if is_dark else ("pale" if rng.random() < 0.7 else "strong")
        look = replace(look, ground=ground, ground_colours=(draw_colour(rng, tone), draw_colour(rng, tone)))
    if rng.random() < 0.12:
        rim = WHITE if rng.random() < 0.5 else draw_colour(rng, "strong" if rng.random() < 0.5 else "pale")
        look = replace(look, rim=rim, rim_width=float(rng.uniform(0.015, 0.05)))
    if rng.random() < 0.22:
        shadows: dict[Shadow, float] = {"hard": 2, "soft": 2, "long": 1}
        shadow = _choice(rng, shadows)
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.09)
        look = replace(
            look,
            shadow=shadow,
            shadow_offset=(float(far * np.cos(turn)), float(far * np.sin(turn))),
            shadow_colour=BLACK if rng.random() < 0.3 else draw_colour(rng, "any"),
        )
    return look


_Kind = TypeVar("_Kind", bound=str)


def _choice(rng: np.random.Generator, weights: Mapping[_Kind, float]) -> _Kind:
    shares = np.array(list(weights.values()), dtype=float)
    return list(weights)[int(rng.choice(len(shares), p=shares / shares.sum()))]


_TEXTURE_WORDS = {
    "grain": ("grainy", "speckled"),
    "halftone": ("halftone print", "halftone dots", "printed comic dots"),
    "pencil": ("pencil sketch", "hatched pencil drawing", "pencil drawing"),
    "watercolour": ("watercolour", "soft watercolour wash", "watercolour painting"),
    "relief": ("embossed relief", "raised relief", "embossed"),
    "glass": ("stained glass", "glass mosaic", "stained glass window"),
    "neon": ("neon glow", "neon sign", "glowing neon"),
    "pixels": ("pixel blocks", "blocky pixels", "coarse pixel mosaic"),
}
_GROUND_WORDS = {
    "plain": "on {0}", "disc": "on a {0} disc", "tile": "on a {0} tile", "gradient": "on a gradient of {0} and {1}",
    "stripes": "on {0} stripes", "dots": "on {0} dots",
}  # fmt: skip
_FILL_WORDS = {
    "flat": "{0} fill", "offset": "offset {0} fill", "gradient": "gradient fill of {0} and {1}",
    "hatched": "{0} hatching", "dotted": "{0} dots inside",
}  # fmt: skip
_SHADOW_WORDS = {"hard": "hard {0} shadow", "soft": "soft {0} shadow", "long": "long {0} shadow"}
_PALETTE_WORDS = {
    "turned": "in other colours", "duotone": "duotone in {0} and {1}", "tritone": "in {0}, {1} and {2}",
    "pastel": "in pastel colours", "deep": "in deep colours",
}  # fmt: skip
_MOST_WORDS = 10
"""Of a phrase. The text encoder reads 24 tokens of a prompt, its content included, and cuts off the rest: at 10 words
5.5 % of 6,000 prompts drawn as for training are cut; at 15, which the tenth embedded base was trained with, 20.8 %."""


def words_of(look: Look, plain: tuple[str, ...], rng: np.random.Generator, *, all_words: bool = False) -> str:
    """Describe the look, to be read in "{content} in {words} style"; `plain` are phrasings of the set's own look.

    A random third of the factors is left out, with `all_words` none; but then what would make the phrase too long.
    """
    if look.style in LINE and look != Look(style=look.style):
        phrase = str(rng.choice(LINE[look.style])).format(ink=name_of(look.ink))
    else:
        phrase = str(rng.choice(plain))
        if look.palette != "own":
            # The set's own words name its own colours.
            phrase = "emoji" if "emoji" in phrase else "icon"

    def is_named() -> bool:
        return all_words or rng.random() < 2 / 3

    if look.texture != "none" and is_named():
        phrase = f"{rng.choice(_TEXTURE_WORDS[look.texture])} {phrase}"
    for words in _words_of_factors(look):
        if is_named() and len(f"{phrase} {words}".split()) <= _MOST_WORDS:
            phrase = f"{phrase} {words}"
    return phrase


def _words_of_factors(look: Look) -> list[str]:
    words = []
    if look.palette != "own":
        words.append(_PALETTE_WORDS[look.palette].format(*map(name_of, look.palette_colours)))
    if look.fill != "none":
        words.append("with " + _FILL_WORDS[look.fill].format(*map(name_of, look.fill_colours)))
    if look.accent is not None:
        words.append(f"with {name_of(look.accent)} details")
    if look.ground != "white":
        words.append(_GROUND_WORDS[look.ground].format(*map(name_of, look.ground_colours)))
    if look.shadow != "none":
        words.append("with " + _SHADOW_WORDS[look.shadow].format(name_of(look.shadow_colour)))
    if look.rim is not None:
        words.append(f"with a {name_of(look.rim)} border")
    if look.roughness > _ROUGH_PX:
        words.append("drawn by hand")
    if look.has_gaps:
        words.append("with gaps")
    if look.stroke > 0.018:
        words.append("with thick strokes")
    if look.tilt or look.slant:
        words.append("tilted" if look.tilt else "slanted")
    return words
