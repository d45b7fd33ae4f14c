"""Contact sheets: many images on one, with words beside them, for eyes and for artifacts."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

GAP_PX = 6
LABEL_PX = 13
"""Height of the letters."""
ROW_LABEL_PX = 110
"""Width of the column of row labels."""
_SPELT_OUT = str.maketrans({"γ": "gamma", "λ": "lambda"})
"""Pillow's own font has no Greek letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Images side by side, with words in front of them."""

    label: str
    images: Sequence[Image.Image]


def comparison_sheet(columns: Sequence[str], rows: Sequence[Row], *, cell_px: int = 96) -> Image.Image:
    """Rows under each other (reference, base, round 1, …), each column one prompt; rows may be shorter."""
    heading = _label_height(columns, cell_px)
    width = ROW_LABEL_PX + max(len(row.images) for row in rows) * (cell_px + GAP_PX) + GAP_PX
    sheet = Image.new("RGB", (width, heading + len(rows) * (cell_px + GAP_PX) + GAP_PX), "white")
    draw = ImageDraw.Draw(sheet)
    for column, label in enumerate(columns):
        _write(draw, (ROW_LABEL_PX + column * (cell_px + GAP_PX), GAP_PX), label, cell_px)
    for number, row in enumerate(rows):
        top = heading + number * (cell_px + GAP_PX)
        _write(draw, (GAP_PX, top + cell_px // 2 - LABEL_PX), row.label, ROW_LABEL_PX - GAP_PX)
        for column, image in enumerate(row.images):
            sheet.paste(_cell(image, cell_px), (ROW_LABEL_PX + column * (cell_px + GAP_PX), top))
    return sheet


def numbered_sheet(
    images: Sequence[Image.Image], numbers: Sequence[int], *, columns: int = 8, cell_px: int = 64
) -> Image.Image:
    """Images in reading order, each with its number under it: what a reviewer picks by."""
    line_px = cell_px + LABEL_PX + 2 * GAP_PX
    lines = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (cell_px + GAP_PX) + GAP_PX, lines * line_px + GAP_PX), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (image, number) in enumerate(zip(images, numbers, strict=True)):
        left = GAP_PX + place % columns * (cell_px + GAP_PX)
        top = GAP_PX + place // columns * line_px
        sheet.paste(_cell(image, cell_px), (left, top))
        _write(draw, (left, top + cell_px + 2), str(number), cell_px)
    return sheet


def _cell(image: Image.Image, cell_px: int) -> Image.Image:
    # Small images are enlarged without smoothing: a reviewer sees the pixels that are there.
    method = Image.Resampling.NEAREST if image.width < cell_px else Image.Resampling.LANCZOS
    return image.convert("RGB").resize((cell_px, cell_px), method)


def _wrapped(text: str, width_px: int) -> list[str]:
    return textwrap.wrap(text.translate(_SPELT_OUT), max(4, round(width_px / (LABEL_PX * 0.55))))[:3]


def _label_height(labels: Sequence[str], width_px: int) -> int:
    lines = max((len(_wrapped(label, width_px)) for label in labels), default=0)
    return lines * (LABEL_PX + 3) + 2 * GAP_PX


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width_px: int) -> None:
    font = ImageFont.load_default(size=LABEL_PX)
    draw.multiline_text(place, "\n".join(_wrapped(text, width_px)), fill="black", font=font, spacing=2)
