"""Pictures and tables in Markdown, as Prefect's artifacts and reports show them."""

import base64
import io
from collections.abc import Mapping, Sequence

from PIL import Image

THUMBNAIL_PX = 96
"""Five of them side by side fit the UI's column."""
MAX_THUMBNAILS = 5


def thumbnail(image: Image.Image, words: str = "", *, side_px: int = THUMBNAIL_PX) -> str:
    """The image in Markdown, small, its bytes in the address."""
    # Small images are enlarged without smoothing: one sees the pixels that are there.
    method = Image.Resampling.NEAREST if image.width < side_px else Image.Resampling.LANCZOS
    buffer = io.BytesIO()
    image.resize((side_px, side_px), method).save(buffer, format="WEBP", quality=85)
    return embedded_image(buffer.getvalue(), "webp", words)


def embedded_image(content: bytes, kind: str, words: str) -> str:
    """An image file (`png`, `webp`) in Markdown, its bytes in the address."""
    return f"![{words}](data:image/{kind};base64,{base64.b64encode(content).decode()})"


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """A Markdown table; the first row's keys are its heading."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
