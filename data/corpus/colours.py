"""Colours of looks: drawn over all hues, and the words for them.

A colour is (red, green, blue), each 0 to 1. `Tone` says from which part of the colours one is drawn.
"""

from __future__ import annotations

import colorsys
from typing import Literal

import numpy as np

Colour = tuple[float, float, float]
Tone = Literal["deep", "strong", "pale", "any"]

BLACK: Colour = (0.0, 0.0, 0.0)
WHITE: Colour = (1.0, 1.0, 1.0)

_HUES = (
    (0.035, "red"), (0.10, "orange"), (0.17, "yellow"), (0.25, "lime green"), (0.41, "green"), (0.50, "teal"),
    (0.56, "sky blue"), (0.68, "blue"), (0.75, "violet"), (0.83, "purple"), (0.91, "magenta"), (0.965, "pink"),
    (1.01, "red"),
)  # fmt: skip
"""(upper end, name) of the hues from 0 to 1, red at both ends."""
_DARK = {"red": "dark red", "orange": "brown", "yellow": "olive", "blue": "navy blue", "sky blue": "navy blue"}
_PALE = {
    "red": "pale pink",
    "orange": "cream",
    "yellow": "pale yellow",
    "lime green": "mint green",
    "green": "mint green",
}
_GREYS = ((0.12, "black"), (0.4, "dark grey"), (0.7, "grey"), (0.93, "light grey"), (1.01, "white"))


def draw_colour(rng: np.random.Generator, tone: Tone) -> Colour:
    """A colour of any hue; one of eight is a grey of the tone."""
    if tone == "any":
        tone = ("deep", "strong", "pale")[int(rng.integers(3))]
    lightness = {"deep": (0.08, 0.45), "strong": (0.6, 1.0), "pale": (0.88, 1.0)}[tone]
    saturation = {"deep": (0.5, 1.0), "strong": (0.55, 1.0), "pale": (0.08, 0.35)}[tone]
    value = float(rng.uniform(*lightness))
    if rng.random() < 1 / 8:
        grey = {"deep": value * 0.7, "strong": value - 0.25, "pale": value}[tone]
        return (grey, grey, grey)
    return colorsys.hsv_to_rgb(float(rng.random()), float(rng.uniform(*saturation)), value)


def name_of(colour: Colour) -> str:
    """What people call the colour, in one or two words."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    if saturation < 0.07 or value < 0.1:
        return next(name for upper, name in _GREYS if value < upper)
    name = next(name for upper, name in _HUES if hue < upper)
    if value < 0.5:
        return _DARK.get(name, f"dark {name}")
    if saturation < 0.4 and value > 0.8:
        return _PALE.get(name, f"pale {name}")
    return name


def luminance(colour: Colour) -> float:
    """How light the colour is to the eye, 0 to 1 (Rec. 709, without linearisation)."""
    return float(np.dot(colour, (0.2126, 0.7152, 0.0722)))
