"""From an icon's layers and a look to a picture.

From back to front: ground, shadow, border, fill, ink; then the texture over all of it. Everything is painted at
`LAYER_PX` and scaled down once at the end.

Shapes: height, width. Coverages and colours are float32, 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from data.corpus.colours import Colour
from data.corpus.layers import COLOUR, DRAWN, ENCLOSED, INK, LAYER_PX
from data.corpus.looks import Look
from data.corpus.sets import ONE_COLOUR
from data.corpus.textures import TEXTURES, smooth_noise

cv2.setNumThreads(1)  # pictures are painted side by side in processes

_ROWS, _COLUMNS = (grid.astype(np.float32) for grid in np.mgrid[:LAYER_PX, :LAYER_PX])
_SIZE = (LAYER_PX, LAYER_PX)
_DISC, _TILE, _CORNER = 0.46, 0.44, 0.2  # radius, half side and radius of the corners, of the picture's side


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where the icon stands in its picture; no part of the look."""

    shift: tuple[float, float] = (0.0, 0.0)
    """Across and down, in shares of the picture's side."""
    scale: float = 1.0
    is_mirrored: bool = False


def draw_placement(rng: np.random.Generator, *, may_mirror: bool) -> Placement:
    """A place near the middle."""
    across, down = rng.uniform(-0.04, 0.04, 2)
    return Placement(
        shift=(float(across), float(down)),
        scale=float(rng.uniform(0.84, 1.04)),
        is_mirrored=bool(may_mirror and rng.random() < 0.5),
    )


def paint(
    layers: np.ndarray, look: Look, placement: Placement, rng: np.random.Generator, *, size_px: int = LAYER_PX
) -> np.ndarray:
    """Paint an icon, uint8 (size_px, size_px, 3); `rng` decides what no factor of the look does, such as grain."""
    moved = _moved(layers, look, placement, rng)
    drawn, ink, enclosed = moved[..., DRAWN], moved[..., INK], moved[..., ENCLOSED]
    is_line = look.style in ONE_COLOUR
    if is_line:
        ink = _stroked(ink, look.stroke)
        if look.has_gaps:
            gaps = _gaps(rng)
            ink, drawn = ink * gaps, drawn * gaps
        drawn = np.maximum(drawn, ink)
    is_filled = is_line and look.fill != "none"
    silhouette = np.maximum(enclosed, ink) if is_filled or look.rim is not None else drawn

    canvas = _ground(look)
    if look.shadow != "none":
        _lay(canvas, _shadow(silhouette, look), look.shadow_colour)
    if look.rim is not None:
        border = _stroked(np.maximum(enclosed, ink), 2 * look.rim_width)
        _lay(canvas, border, look.rim)
    if not is_line:
        _lay_picture(canvas, drawn, _recoloured(moved[..., COLOUR], look))
    else:
        if is_filled:
            area = enclosed if look.fill == "offset" or drawn is ink else np.maximum(enclosed, drawn)
            _lay_fill(canvas, area, look)
        elif (drawn > ink + 0.02).any():
            _lay(canvas, drawn, _mixed(look.ink, look.ground_colours[0], 0.25))
        _lay(canvas, ink, look.ink)
        if look.accent is not None:
            _lay(canvas, ink * _some_strokes(ink, rng), look.accent)
    if look.texture != "none":
        canvas = TEXTURES[look.texture](canvas, silhouette, look.spacing, rng)
    if size_px != LAYER_PX:
        canvas = cv2.resize(canvas, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def _moved(layers: np.ndarray, look: Look, placement: Placement, rng: np.random.Generator) -> np.ndarray:
    pixels = layers.astype(np.float32) / 255
    if look.style in ONE_COLOUR:
        pixels[..., COLOUR] = 0
    else:
        pixels[..., COLOUR] *= pixels[..., DRAWN : DRAWN + 1]  # premultiplied, so that edges keep their colour
    scale, centre = placement.scale, (LAYER_PX - 1) / 2
    cosine, sine = math.cos(look.tilt) * scale, math.sin(look.tilt) * scale
    across = np.array([[-cosine if placement.is_mirrored else cosine, -sine - look.slant * scale], [sine, cosine]])
    shift = np.array(placement.shift) * LAYER_PX + centre - across @ (centre, centre)
    moved = np.empty_like(pixels)
    matrix = np.column_stack([across, shift]).astype(np.float32)
    for part in (slice(0, 3), slice(3, 6)):
        moved[..., part] = cv2.warpAffine(
            np.ascontiguousarray(pixels[..., part]), matrix, _SIZE, flags=cv2.INTER_LINEAR
        )
    if look.roughness:
        stray = [(smooth_noise(rng, 12) - 0.5) * 4 * look.roughness for _ in range(2)]
        for part in (slice(0, 3), slice(3, 6)):
            moved[..., part] = cv2.remap(
                np.ascontiguousarray(moved[..., part]), _COLUMNS + stray[0], _ROWS + stray[1], cv2.INTER_LINEAR
            )
    return moved


def _stroked(coverage: np.ndarray, wider: float) -> np.ndarray:
    """Widened (or thinned) by this share of the side in all, half of it on each border."""
    radius = abs(wider) * LAYER_PX / 2
    if radius < 0.25:
        return coverage
    whole = max(1, math.ceil(radius))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * whole + 1, 2 * whole + 1))
    changed = (cv2.dilate if wider > 0 else cv2.erode)(np.ascontiguousarray(coverage), kernel)
    part = radius / whole
    return changed * part + coverage * (1 - part)


def _gaps(rng: np.random.Generator) -> np.ndarray:
    noise = smooth_noise(rng, 20)
    return np.clip((noise - np.quantile(noise, 0.16)) * 40, 0, 1).astype(np.float32)


def _some_strokes(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """1 on about a third of the separate strokes."""
    count, labels = cv2.connectedComponents((ink > 0.4).astype(np.uint8))
    chosen = (rng.random(count) < 0.4).astype(np.float32)
    chosen[0] = 0
    if count == 2:
        # One stroke alone: a half of it, from a side.
        chosen[1] = 1
        return chosen[labels] * (_ramp(float(rng.uniform(0, 2 * np.pi))) > 0.5)
    return cv2.dilate(chosen[labels], np.ones((3, 3), np.uint8))


def _ground(look: Look) -> np.ndarray:
    canvas = np.ones((*_SIZE, 3), dtype=np.float32)
    one, other = look.ground_colours
    match look.ground:
        case "plain":
            canvas[:] = one
        case "gradient":
            canvas[:] = _blend(one, other, _ramp(look.angle))
        case "disc":
            far = np.hypot(_ROWS - LAYER_PX / 2, _COLUMNS - LAYER_PX / 2)
            _lay(canvas, np.clip(_DISC * LAYER_PX - far + 0.5, 0, 1), one)
        case "tile":
            beyond = [
                np.maximum(np.abs(axis - LAYER_PX / 2) - (_TILE - _CORNER) * LAYER_PX, 0) for axis in (_ROWS, _COLUMNS)
            ]
            _lay(canvas, np.clip(_CORNER * LAYER_PX - np.hypot(*beyond) + 0.5, 0, 1), one)
        case "stripes":
            canvas[:] = _blend(_mixed(one, (1.0, 1.0, 1.0), 0.6), one, _stripes(look.angle, 2 * look.spacing))
        case "dots":
            canvas[:] = _blend(_mixed(one, (1.0, 1.0, 1.0), 0.6), one, _dots(2 * look.spacing))
    return canvas


def _shadow(silhouette: np.ndarray, look: Look) -> np.ndarray:
    across, down = (far * LAYER_PX for far in look.shadow_offset)
    if look.shadow != "long":
        shadow = _shifted(silhouette, across, down)
        return cv2.GaussianBlur(shadow, (0, 0), 3.5) * 0.6 if look.shadow == "soft" else shadow
    long = np.hypot(across, down)
    across, down = across / long, down / long
    shadow, reach = silhouette, 1.0
    while reach < LAYER_PX:
        shadow = np.maximum(shadow, _shifted(shadow, across * reach, down * reach))
        reach *= 2
    return shadow


def _lay_fill(canvas: np.ndarray, area: np.ndarray, look: Look) -> None:
    one, other = look.fill_colours
    match look.fill:
        case "offset":
            across, down = (math.cos(look.angle) * 0.05 * LAYER_PX, math.sin(look.angle) * 0.05 * LAYER_PX)
            _lay(canvas, _shifted(area, across, down), one)
        case "gradient":
            _lay_picture(canvas, area, _blend(one, other, _ramp(look.angle)) * area[..., None])
        case "hatched":
            _lay(canvas, area * _stripes(look.angle, look.spacing), one)
        case "dotted":
            _lay(canvas, area * _dots(look.spacing), one)
        case _:
            _lay(canvas, area, one)


def _recoloured(colour: np.ndarray, look: Look) -> np.ndarray:
    """The colour drawing (premultiplied) in the look's palette."""
    if look.palette == "own":
        return colour
    if look.palette == "turned":
        return np.clip(colour @ _hue_matrix(look.hue_turn), 0, 1)
    light = colour @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    if look.palette in ("pastel", "deep"):
        coverage = colour.max(axis=2, keepdims=True)
        if look.palette == "deep":
            return np.clip(colour * 1.25 - light[..., None] * 0.6, 0, 1)
        return colour * 0.5 + 0.5 * np.maximum(coverage, light[..., None])
    stops = np.array(look.palette_colours, dtype=np.float32)
    place = light * (len(stops) - 1)
    first = np.minimum(place.astype(int), len(stops) - 2)
    part = (place - first)[..., None]
    return stops[first] * (1 - part) + stops[first + 1] * part


def _hue_matrix(turn: float) -> np.ndarray:
    """Turns RGB about the grey axis; for row vectors."""
    cosine, sine = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    third, root = (1 - cosine) / 3, math.sqrt(1 / 3) * sine
    one, two, three = cosine + third, third - root, third + root
    return np.array([[one, two, three], [three, one, two], [two, three, one]], dtype=np.float32).T


def _lay(canvas: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
    for channel in range(3):
        plane = canvas[..., channel]
        plane += coverage * (colour[channel] - plane)


def _lay_picture(canvas: np.ndarray, coverage: np.ndarray, premultiplied: np.ndarray) -> None:
    canvas *= 1 - coverage[..., None]
    canvas += np.minimum(premultiplied, coverage[..., None]) if premultiplied.ndim == 3 else premultiplied


def _shifted(coverage: np.ndarray, across: float, down: float) -> np.ndarray:
    matrix = np.array([[1, 0, across], [0, 1, down]], dtype=np.float32)
    return cv2.warpAffine(np.ascontiguousarray(coverage), matrix, _SIZE, flags=cv2.INTER_LINEAR)


def _ramp(angle: float) -> np.ndarray:
    along = (_COLUMNS / LAYER_PX - 0.5) * math.cos(angle) + (_ROWS / LAYER_PX - 0.5) * math.sin(angle)
    return np.clip(along + 0.5, 0, 1)


def _stripes(angle: float, spacing: float) -> np.ndarray:
    along = _COLUMNS * math.cos(angle) + _ROWS * math.sin(angle)
    wave = np.abs((along / (spacing * LAYER_PX)) % 1 - 0.5) * 2
    return np.clip((wave - 0.5) * spacing * LAYER_PX / 2 + 0.5, 0, 1)


def _dots(spacing: float) -> np.ndarray:
    cell = spacing * LAYER_PX
    far = np.hypot(_ROWS % cell - cell / 2, _COLUMNS % cell - cell / 2)
    return np.clip(cell * 0.32 - far + 0.5, 0, 1)


def _blend(one: Colour, other: Colour, part: np.ndarray) -> np.ndarray:
    colours = np.array([one, other], dtype=np.float32)
    return colours[0] * (1 - part[..., None]) + colours[1] * part[..., None]


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(one, other, strict=True))
    return red, green, blue
