"""A training curve as a picture: one panel for each figure, steps to the right."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PANEL_PX = (420, 160)
MARGIN_PX = 28
FONT_PX = 12


def read_curve(path: Path) -> list[dict[str, float]]:
    """The lines of a curve.jsonl; none if there is no file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def draw_curve(points: Sequence[Mapping[str, float]]) -> Image.Image:
    """Every figure of `points` against their `step`, with its first, last and extreme values in words.

    Raises:
        ValueError: if there are no points.
    """
    if not points:
        raise ValueError("expected at least one point of a curve, got none; train for a step first")
    names = [name for name in points[-1] if name not in ("step", "seconds")]
    width, height = PANEL_PX
    sheet = Image.new("RGB", (width, height * len(names)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=FONT_PX)
    for number, name in enumerate(names):
        drawn = [(point["step"], point[name]) for point in points if name in point]
        steps, values = [step for step, _ in drawn], [value for _, value in drawn]
        low, high = min(values), max(values)
        top, bottom = number * height + MARGIN_PX, (number + 1) * height - MARGIN_PX
        across = (width - 2 * MARGIN_PX) / max(steps[-1] - steps[0], 1)
        up = (bottom - top) / ((high - low) or 1.0)
        line = [(MARGIN_PX + (step - steps[0]) * across, bottom - (value - low) * up) for step, value in drawn]
        draw.rectangle((MARGIN_PX, top, width - MARGIN_PX, bottom), outline="lightgrey")
        draw.line(line if len(line) > 1 else line * 2, fill="navy", width=2)
        words = f"{name}: {values[0]:.4g} to {values[-1]:.4g}, from {low:.4g} up to {high:.4g}"
        draw.text((MARGIN_PX, top - FONT_PX - 6), words, fill="black", font=font)
        draw.text((MARGIN_PX, bottom + 4), f"step {steps[0]:g} to {steps[-1]:g}", fill="grey", font=font)
    return sheet
