"""Textures that are laid over a whole picture: grain, halftone, pencil, watercolour, relief, glass, neon, pixels.

Each takes a picture, float32 (height, width, 3) in 0 to 1, the drawing's silhouette (height, width), the spacing of
repeated marks as a share of the side and a random generator; it returns a picture of the same size.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from data.corpus.layers import LAYER_PX

Texture = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], np.ndarray]

_GREY = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def smooth_noise(rng: np.random.Generator, grain_px: int) -> np.ndarray:
    """Noise in 0 to 1, (LAYER_PX, LAYER_PX), with blobs of about `grain_px`."""
    coarse = rng.random((LAYER_PX // grain_px, LAYER_PX // grain_px)).astype(np.float32)
    return cv2.resize(coarse, (LAYER_PX, LAYER_PX), interpolation=cv2.INTER_CUBIC)


def _edges(light: np.ndarray) -> np.ndarray:
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=0.125)
    return np.hypot(across, down)


def grain(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Speckles of one fineness, where something is drawn more than on the ground."""
    noise = cv2.GaussianBlur(rng.standard_normal(picture.shape[:2]).astype(np.float32), (0, 0), 1.8)
    strength = (0.25 + 0.45 * silhouette) * 0.22 / max(float(noise.std()), 1e-6)
    return picture + (noise * strength)[..., None] * 0.5


def halftone(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Printed dots whose size follows the darkness, ink in the colour of the place."""
    size = picture.shape[0]
    cell = max(5, round(spacing * size))
    cells = -(-size // cell)
    small = cv2.resize(picture, (cells, cells), interpolation=cv2.INTER_AREA)
    colour = np.kron(small, np.ones((cell, cell, 1), dtype=np.float32))[:size, :size]
    rows, columns = np.mgrid[:size, :size] % cell - (cell - 1) / 2
    radius = cell * 0.66 * np.sqrt(np.clip(1 - colour.min(axis=2), 0, 1))
    dot = np.clip(radius - np.hypot(rows, columns) + 0.5, 0, 1).astype(np.float32)[..., None]
    return 1 - dot * (1 - colour * 0.85)


def pencil(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Pencil in the picture's own faded colours: dark edges and hatched shadows on off-white paper."""
    light = cv2.GaussianBlur(picture, (0, 0), 0.8) @ _GREY
    ground = float(np.median(light[0]))
    dark = np.clip(1 - light, 0, 1) if ground > 0.5 else light
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    period = max(4, round(spacing * 64))
    hatch = ((rows + columns) % period < period // 2) * (dark > 0.2)
    cross = ((rows - columns) % period < period // 2) * (dark > 0.55)
    shade = np.clip(
        0.85 * np.clip(_edges(light) * 6, 0, 1) + (0.4 * hatch + 0.3 * cross) * smooth_noise(rng, 2), 0, 0.9
    )
    lead = picture * 0.5 if ground > 0.5 else np.full_like(picture, 0.15)
    return 0.97 - shade[..., None] * (0.97 - lead)


def watercolour(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Pale washes that bleed, with darker rims and paper grain."""
    size = picture.shape[0]
    rows, columns = (grid.astype(np.float32) for grid in np.mgrid[:size, :size])
    stray = [(smooth_noise(rng, 8) - 0.5) * 6 for _ in range(2)]
    wash = cv2.remap(picture, columns + stray[0], rows + stray[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    wash = cv2.GaussianBlur(wash, (0, 0), 1.6)
    pale = wash + (1 - wash) * (smooth_noise(rng, 12) * 0.45 + 0.08)[..., None]
    rim = np.clip(_edges(wash @ _GREY) * 2.5, 0, 0.3)[..., None]
    return pale * (1 - rim) * (0.96 + 0.04 * smooth_noise(rng, 2)[..., None])


def relief(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Raised relief in one clay, lit from a corner."""
    light = cv2.GaussianBlur(picture, (0, 0), 1.2) @ _GREY
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=0.125)
    turn = rng.uniform(0, 2 * np.pi)
    raised = 0.62 + (across * np.cos(turn) + down * np.sin(turn)) * 3.2
    clay = picture.reshape(-1, 3).mean(axis=0)
    clay = 0.75 + 0.25 * clay / max(float(clay.max()), 1e-6)
    return raised[..., None] * clay


def glass(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Flat cells of strong colour between dark lead lines."""
    size, cells = picture.shape[0], max(8, round(0.8 / spacing))
    points = (np.moveaxis(np.mgrid[:cells, :cells], 0, -1) + rng.uniform(0.15, 0.85, (cells, cells, 2))) * size / cells
    seeds = np.zeros((size, size), dtype=np.uint8) + 1
    places = points.reshape(-1, 2).astype(int).clip(0, size - 1)
    seeds[places[:, 0], places[:, 1]] = 0
    _, owner = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    count = np.bincount(owner.ravel()).clip(1)
    mean = np.stack([np.bincount(owner.ravel(), picture[..., c].ravel()) / count for c in range(3)], axis=-1)
    grey = mean.mean(axis=1, keepdims=True)
    pane = np.clip(grey + (mean - grey) * 1.5, 0, 1).astype(np.float32)[owner]
    lead = cv2.morphologyEx(owner.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    return np.where(lead[..., None], np.float32(0.12), pane)


def neon(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Glowing outlines on a dark ground, in the colours of the picture or in one."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0)
    edges = np.clip(np.maximum.reduce([_edges(smooth[..., c]) for c in range(3)]) * 6, 0, 1)
    hsv = cv2.cvtColor(cv2.erode(smooth, np.ones((5, 5), np.uint8)), cv2.COLOR_RGB2HSV)
    if float((hsv[..., 1] > 0.3).mean()) < 0.02:
        hsv[..., 0] = rng.uniform(0, 360)
    hsv[..., 1], hsv[..., 2] = 0.85, 1
    tube = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * edges[..., None]
    core = np.clip(edges - 0.75, 0, 1)[..., None] * 1.6
    return cv2.GaussianBlur(tube, (0, 0), 4) * 1.1 + tube + core + 0.04


def pixels(picture: np.ndarray, silhouette: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Square blocks, few steps of colour."""
    size = picture.shape[0]
    small = cv2.resize(picture, (int(rng.integers(13, 23)),) * 2, interpolation=cv2.INTER_AREA)
    return cv2.resize(np.round(small * 6) / 6, (size, size), interpolation=cv2.INTER_NEAREST)


TEXTURES: dict[str, Texture] = {
    one.__name__: one for one in (grain, halftone, pencil, watercolour, relief, glass, neon, pixels)
}
