"""Icons as layers, from which looks are drawn: colour, drawing, ink and the area that the outline encloses.

An icon of one colour has no colour layer of its own: its ink and its fills are the look's. What the set draws in half
transparent ink counts as a fill. Layers are rendered once, and every look starts from them.

Shapes: icons, height, width, layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from data.corpus.icons import Icon
from data.corpus.render import draw_ink, render_transparent, worker_pool
from data.corpus.sets import ONE_COLOUR

LAYER_PX = 128
COLOUR, DRAWN, INK, ENCLOSED = slice(0, 3), 3, 4, 5
"""Places on the last axis. Colour is RGB where something is drawn; the others are coverages, 0 to 255.

Ink is a part of what is drawn: all of it, but for an icon with half transparent parts. Enclosed is what is drawn and
what the outline surrounds."""
NUM_LAYERS = 6

_CLOSED_GAPS_PX = 9
"""Gaps in an outline up to this width do not let the outside in."""


def render_layers(icon: Icon) -> np.ndarray:
    """The icon's layers, uint8 (LAYER_PX, LAYER_PX, 6); all zero where it cannot be rendered."""
    layers = np.zeros((LAYER_PX, LAYER_PX, NUM_LAYERS), dtype=np.uint8)
    try:
        if icon.style in ONE_COLOUR:
            layers[..., DRAWN], layers[..., INK] = draw_ink(icon)
        else:
            picture = np.asarray(render_transparent(icon))
            layers[..., COLOUR] = np.where(picture[..., 3:] > 0, picture[..., :3], 0)
            layers[..., DRAWN] = layers[..., INK] = picture[..., 3]
    except ValueError:
        return layers
    layers[..., ENCLOSED] = np.maximum(_enclosed(layers[..., DRAWN]), layers[..., DRAWN])
    return layers


def render_all_layers(icons: Sequence[Icon], out: np.ndarray) -> None:
    """Fill `out`, uint8 (icons, LAYER_PX, LAYER_PX, 6), with the layers of each icon."""
    with worker_pool() as pool:
        for row, layers in enumerate(pool.imap(render_layers, icons, chunksize=64)):
            out[row] = layers


def _enclosed(drawn: np.ndarray) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSED_GAPS_PX, _CLOSED_GAPS_PX))
    border = _CLOSED_GAPS_PX
    solid = cv2.copyMakeBorder((drawn > 96).astype(np.uint8), border, border, border, border, cv2.BORDER_CONSTANT)
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, kernel)
    filled = closed.copy()
    cv2.floodFill(filled, None, (0, 0), 2)
    # The closing also fills notches between strokes at the rim: what it added there is not enclosed.
    inside = (filled == 0) | (solid > 0) | ((closed > 0) & (cv2.erode(closed, kernel) > 0))
    return (inside[border:-border, border:-border] * 255).astype(np.uint8)
