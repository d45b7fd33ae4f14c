"""Real icons of the held-out styles: the truth that the paper did not have.

    python -m bench.true_icons PACKAGES     # writes bench/references/icons.parquet from the sets' npm packages

They are for evaluation alone. A style's place is the mean of its real icons' style features (the judge's);
an image is of the style whose place is nearest, among these five and the judge's own. Half of the icons give
the places, the other half says how often that is right for real icons.
"""

import argparse
import io
import json
import random
import tempfile
from dataclasses import dataclass
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

ICONS = Path(__file__).parent / "references" / "icons.parquet"
OF_EACH_STYLE = 60


@dataclass(frozen=True, kw_only=True)
class TruePlaces:
    """Where every style lies in the judge's style features."""

    names: tuple[str, ...]
    places: Tensor
    """(styles, features)"""
    accuracy: float
    """Share of the held-out sets' other icons whose nearest place is their own style's."""
    distance: float
    """Their mean distance to it."""


def true_places(judge: Judge) -> TruePlaces:
    """Measure the five places with one half of the icons, and how good they are with the other."""
    table = pq.read_table(ICONS).to_pydict()
    images = [from_png(content) for content in table["image"]]
    features = judge.style_features(images)
    held_out = list(dict.fromkeys(table["style"]))
    own = torch.tensor([held_out.index(style) for style in table["style"]])
    is_first_half = torch.arange(len(own)) % 2 == 0
    centers = [features[(own == number) & is_first_half].mean(dim=0) for number in range(len(held_out))]
    places = torch.cat([torch.stack(centers), judge.style_centers])
    distances = torch.cdist(features[~is_first_half], places)
    asked = own[~is_first_half]
    return TruePlaces(
        names=(*held_out, *judge.config.styles),
        places=places,
        accuracy=float((distances.argmin(dim=1) == asked).float().mean()),
        distance=float(distances.gather(1, asked[:, None]).mean()),
    )


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
