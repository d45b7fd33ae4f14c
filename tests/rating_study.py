"""A study for raters in files: samples of three rows as the pipeline writes them, each row in a colour of its own."""

import io
from collections.abc import Sequence
from pathlib import Path

import yaml
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from data.pictures.images import from_png
from data.store.candidates import Candidate, to_parquet

COLOURS = {"tuned-once": (200, 0, 0), "by-people": (0, 200, 0), "by-clip": (0, 0, 200)}
PHRASES = tuple(f"thing {number}" for number in range(12))


def write_study(
    folder: Path, *, pairs: Sequence[Sequence[str]] = (("tuned-once", "by-people"),), queries_per_pair: int = 300
) -> Path:
    """Write tables, reference and study; gives the study's path. Each row has two images for every phrase."""
    for row in COLOURS:
        samples = [_sample(row, phrase, number) for phrase in PHRASES for number in range(2)]
        (folder / f"{row}.parquet").write_bytes(to_parquet(samples))
    reference = Image.new("RGB", (40, 40), "white")
    reference.paste("black", (10, 10, 30, 30))
    reference.save(folder / "reference.png")
    images = {row: str(folder / f"{row}.parquet") for row in COLOURS}
    document = {
        "styles": [{"reference": str(folder / "reference.png"), "images": images}],
        "pairs": [list(pair) for pair in pairs],
        "queries_per_pair": queries_per_pair,
        "answers": str(folder / "answers"),
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(document))
    return folder / "study.yaml"


def row_of(png: bytes) -> str:
    """The row whose colour the image has."""
    red, green, blue = from_png(png).getpixel((0, 0))
    return max(zip((red, green, blue), COLOURS, strict=True))[1]


def _sample(row: str, phrase: str, number: int) -> Candidate:
    image = Image.new("RGB", (16, 16), COLOURS[row])
    image.putpixel((8, 8), (PHRASES.index(phrase), number, 0))  # no two are the same
    words = PngInfo()
    words.add_text("Comment", f"drawn by {row}")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=words)
    return Candidate(
        index=0, content_phrase=phrase, prompt=f"{phrase} in ink", seed=number, image=buffer.getvalue(),
        text_score=0.25, style_score=0.5,
    )  # fmt: skip
