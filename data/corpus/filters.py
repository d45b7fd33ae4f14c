"""Image filters that turn a colour set into another style: pencil, watercolour, halftone and five more.

Each takes a square RGB image and returns one of the same size; the same image always gives the same pixels.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps


def _luminance(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), dtype=np.float32) / 255.0


def _to_image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values * 255.0 + 0.5, 0, 255).astype(np.uint8))


def _smooth_noise(seed: int, size_px: int, grain_px: int) -> np.ndarray:
    """Noise in 0..1, (size, size), with blobs of about `grain_px`."""
    coarse = np.random.default_rng(seed).random((max(2, size_px // grain_px), max(2, size_px // grain_px)))
    blobs = Image.fromarray((coarse * 255).astype(np.uint8)).resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.asarray(blobs, dtype=np.float32) / 255.0


def pencil(image: Image.Image) -> Image.Image:
    """Grey pencil: dark edges, hatched shadows, on off-white paper."""
    light = _luminance(image.filter(ImageFilter.GaussianBlur(0.8)))
    down, across = np.gradient(light)
    edges = np.clip(np.hypot(down, across) * 6.0, 0, 1)
    rows, columns = np.mgrid[: image.height, : image.width]
    hatch = ((rows + columns) % 5 < 2).astype(np.float32)
    cross_hatch = ((rows - columns) % 5 < 2).astype(np.float32)
    shade = 0.30 * hatch * (light < 0.80) + 0.25 * cross_hatch * (light < 0.45) + 0.12 * (light < 0.9)
    grain = 0.85 + 0.3 * _smooth_noise(1, image.width, 2)
    grey = 0.97 - np.clip(0.85 * edges + shade * grain, 0, 0.85)
    return _to_image(np.stack([grey, grey, grey * 0.99], axis=-1))


def watercolour(image: Image.Image) -> Image.Image:
    """Soft pale washes with darker rims and paper grain."""
    wash = image.filter(ImageFilter.ModeFilter(7)).filter(ImageFilter.GaussianBlur(2.2))
    colour = np.asarray(wash, dtype=np.float32) / 255.0
    bleed = _smooth_noise(2, image.width, 12)[..., None] * 0.35 + 0.12
    pale = colour + (1 - colour) * bleed
    light = _luminance(wash.filter(ImageFilter.GaussianBlur(1)))
    down, across = np.gradient(light)
    rim = np.clip(np.hypot(down, across) * 2.2, 0, 0.28)[..., None]
    paper = 0.97 + 0.03 * _smooth_noise(3, image.width, 2)[..., None]
    return _to_image(pale * (1 - rim) * paper)


def halftone(image: Image.Image) -> Image.Image:
    """Printed dots on a 6 px grid, dot size by darkness, ink in the colour of the place."""
    cell, scale = 6, 3
    small = image.resize((image.width // cell + 1, image.height // cell + 1), Image.Resampling.BOX)
    colour = np.asarray(small, dtype=np.float32)
    canvas = Image.new("RGB", (image.width * scale, image.height * scale), "white")
    draw = ImageDraw.Draw(canvas)
    for row in range(small.height):
        for column in range(small.width):
            red, green, blue = colour[row, column]
            ink = 1 - float(min(red, green, blue)) / 255.0
            if ink < 0.06:
                continue
            radius = cell * scale * 0.62 * ink**0.5
            x, y = (column + 0.5) * cell * scale, (row + 0.5) * cell * scale
            deep = tuple(int(value * 0.8) for value in (red, green, blue))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=deep)
    return canvas.resize(image.size, Image.Resampling.BOX)


def pixelate(image: Image.Image) -> Image.Image:
    """Square blocks of 8 px, few colours."""
    small = image.resize((16, 16), Image.Resampling.BOX).quantize(12).convert("RGB")
    return small.resize(image.size, Image.Resampling.NEAREST)


def stained_glass(image: Image.Image) -> Image.Image:
    """Flat cells of saturated colour between dark lead lines."""
    cells, size = 12, image.width
    generator = np.random.default_rng(4)
    rows, columns = np.mgrid[:cells, :cells]
    step = size / cells
    jitter = generator.uniform(0.15, 0.85, (2, cells, cells))
    points = np.stack([(rows + jitter[0]) * step, (columns + jitter[1]) * step], axis=-1).reshape(-1, 2)
    y, x = np.mgrid[:size, :size]
    distance = (y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2
    nearest_two = np.partition(distance, 1, axis=-1)[..., :2] ** 0.5
    owner = distance.argmin(axis=-1).ravel()
    colour = np.asarray(image, dtype=np.float32).reshape(-1, 3) / 255.0
    count = np.bincount(owner, minlength=len(points)).clip(1)
    mean = np.stack([np.bincount(owner, colour[:, c], minlength=len(points)) / count for c in range(3)], axis=-1)
    grey = mean.mean(axis=-1, keepdims=True)
    glass = np.clip(grey + (mean - grey) * 1.5, 0, 1)
    is_ground = mean.min(axis=-1, keepdims=True) > 0.93
    sky = np.array([0.70, 0.85, 0.93]) * generator.uniform(0.85, 1.05, (len(points), 1))
    glass = np.where(is_ground, sky, glass)[owner].reshape(size, size, 3)
    lead = (nearest_two[..., 1] - nearest_two[..., 0] < 1.8)[..., None]
    return _to_image(np.where(lead, 0.12, glass))


def neon(image: Image.Image) -> Image.Image:
    """Glowing coloured outlines on black."""
    edges = np.zeros((image.height, image.width), dtype=np.float32)
    for band in image.filter(ImageFilter.GaussianBlur(1.0)).split():
        down, across = np.gradient(np.asarray(band, dtype=np.float32) / 255.0)
        edges = np.maximum(edges, np.hypot(down, across))
    edges = np.clip(edges * 6.0, 0, 1)
    local = np.asarray(image.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.GaussianBlur(2)).convert("HSV")).copy()
    local[..., 1], local[..., 2] = 220, 255
    hue = np.asarray(Image.fromarray(local, "HSV").convert("RGB"), dtype=np.float32) / 255.0
    tube = hue * edges[..., None]
    glow = np.asarray(_to_image(tube).filter(ImageFilter.GaussianBlur(4)), dtype=np.float32) / 255.0
    core = np.clip(edges - 0.75, 0, 1)[..., None] * 1.6
    return _to_image(np.clip(glow * 1.1 + tube + core, 0, 1))


def emboss(image: Image.Image) -> Image.Image:
    """Raised relief in one grey clay, lit from the upper left."""
    light = _luminance(image.filter(ImageFilter.GaussianBlur(1.2)))
    down, across = np.gradient(light)
    relief = np.clip(0.62 + (down + across) * 3.2, 0, 1)
    return _to_image(np.stack([relief * 1.0, relief * 0.98, relief * 0.95], axis=-1))


def oil_paint(image: Image.Image) -> Image.Image:
    """Thick daubs of few strong colours on a canvas-toned ground."""
    ground = ImageChops.multiply(image, Image.new("RGB", image.size, (248, 236, 214)))
    size = image.width
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    shift_y = ((_smooth_noise(5, size, 6) - 0.5) * 9 + rows).round().clip(0, size - 1).astype(int)
    shift_x = ((_smooth_noise(6, size, 6) - 0.5) * 9 + columns).round().clip(0, size - 1).astype(int)
    daubs = Image.fromarray(np.asarray(ground)[shift_y, shift_x])
    flat = ImageOps.posterize(daubs.filter(ImageFilter.ModeFilter(7)), 3)
    colour = np.asarray(flat, dtype=np.float32) / 224.0
    ridges = (_smooth_noise(7, size, 3) - 0.5)[..., None] * 0.22
    return _to_image(colour * (1 + ridges))
