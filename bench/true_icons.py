"""Real icons of the held-out styles: the truth that the paper did not have.

    python -m bench.true_icons PACKAGES     # writes bench/references/icons.parquet from the sets' npm packages

They are for evaluation alone. A style's place is the mean of its real icons' style features (the judge's);
an image is of the style whose place is nearest, among these five and the judge's own. Half of the icons give
the places, the other half says how often that is right for real icons, and for what a base's tokens keep of them.
"""

import argparse
import io
import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor

from bench.judge import Judge
from data.corpus.arrays import read_arrays
from data.pictures.images import from_png
from styledrop.base import Base

ICONS = Path(__file__).parent / "references" / "icons.parquet"
OF_EACH_STYLE = 60


@dataclass(frozen=True, kw_only=True)
class TruePlaces:
    """Where every style lies in the judge's style features."""

    names: tuple[str, ...]
    places: Tensor
    """(styles, features)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueIcon:
    """A real icon of a held-out set."""

    style: str
    concept: str
    image: Image.Image


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueFigures:
    """What the judge says of real icons: what a perfect base could reach."""

    content: float
    """Share in which it sees what they show, of those whose concept it knows."""
    nearest: float
    """Share whose nearest place is their own style's."""
    distance: float
    """Mean distance to it."""


def true_icons() -> tuple[list[TrueIcon], list[TrueIcon]]:
    """One half of the icons, which gives the places, and the other."""
    table = pq.read_table(ICONS).to_pydict()
    icons = [
        TrueIcon(style=style, concept=concept, image=from_png(content))
        for style, concept, content in zip(table["style"], table["concept"], table["image"], strict=True)
    ]
    return icons[::2], icons[1::2]


def true_places(judge: Judge) -> TruePlaces:
    """Measure the five places with one half of the icons."""
    icons = true_icons()[0]
    features = judge.style_features([icon.image for icon in icons])
    held_out = list(dict.fromkeys(icon.style for icon in icons))
    own = torch.tensor([held_out.index(icon.style) for icon in icons])
    centers = [features[own == number].mean(dim=0) for number in range(len(held_out))]
    return TruePlaces(
        names=(*held_out, *judge.config.styles), places=torch.cat([torch.stack(centers), judge.style_centers])
    )


def true_figures(judge: Judge, places: TruePlaces, base: Base | None = None) -> TrueFigures:
    """Of the other half, contents of both; with `base`, of what its tokens say of them."""
    halves = true_icons()
    icons, others = (_as_tokens(half, base) if base else half for half in halves)
    known = [icon for icon in (*icons, *others) if icon.concept in judge.config.concepts]
    seen = judge.classify([icon.image for icon in known]).concepts
    nearest, distances = nearest_styles(judge, [icon.image for icon in others], places)
    own = torch.tensor([places.names.index(icon.style) for icon in others])
    return TrueFigures(
        content=statistics.fmean(one == icon.concept for one, icon in zip(seen, known, strict=True)),
        nearest=statistics.fmean(one == icon.style for one, icon in zip(nearest, others, strict=True)),
        distance=float(distances.gather(1, own[:, None]).mean()),
    )


def _as_tokens(icons: Sequence[TrueIcon], base: Base) -> list[TrueIcon]:
    """The icons encoded and decoded by the base's VQGAN, at its size."""
    small = [icon.image.convert("RGB").resize((base.size_px, base.size_px), Image.Resampling.BOX) for icon in icons]
    return [replace(icon, image=image) for icon, image in zip(icons, base.render(base.tokenize(small)), strict=True)]


def nearest_styles(judge: Judge, images: list[Image.Image], places: TruePlaces) -> tuple[list[str], Tensor]:
    """Name each image's nearest style; and its distance to every place, in the order of `places.names`."""
    distances = torch.cdist(judge.style_features(images), places.places)
    return [places.names[place] for place in distances.argmin(dim=1).tolist()], distances


def main() -> None:
    """Render the held-out sets and keep some icons of each, never the one that is tuned on."""
    from data.corpus.build import build_corpus  # needs OpenCV, which measuring does not

    parser = argparse.ArgumentParser(prog="python -m bench.true_icons")
    parser.add_argument("packages", type=Path, help="folder of the icon sets' npm packages; fetched if not there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build_corpus(arguments.packages, folder, held_out=True)
        icons = read_arrays(Path(folder))
        table = pa.table(
            {
                "image_id": icons.image_id,
                "style": icons.style,
                "concept": icons.concept,
                "image": [_encoded(image) for image in icons.images],
            }
        )
    listed = json.loads((ICONS.parent / "references.json").read_text(encoding="utf-8"))
    references = {entry["image_id"] for entry in listed}
    rows: list[int] = []
    styles, ids = table["style"].to_pylist(), table["image_id"].to_pylist()
    for style in sorted(set(styles)):
        of_style = [row for row, theirs in enumerate(styles) if theirs == style and ids[row] not in references]
        rows += random.Random(0).sample(of_style, min(OF_EACH_STYLE, len(of_style)))
    pq.write_table(table.take(pa.array(rows)), ICONS, compression="zstd")


def _encoded(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
