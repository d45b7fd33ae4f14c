"""A corpus as files that open in no time: images as one array on disk, everything else as JSON.

`images.npy`, `labels.json` and, beside a training corpus, `layers.npy` (`data.corpus.layers`), row by row.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A corpus in memory; entry i of every column belongs to image i."""

    images: np.ndarray
    """uint8, (images, size, size, 3), RGB."""
    image_id: list[str]
    style: np.ndarray
    """str, (images,): the set."""
    concept: np.ndarray
    """str, (images,): the same key in all styles that show the thing."""
    caption: list[str]
    """What the image shows, in words."""
    tags: list[list[str]]
    split: np.ndarray
    """str, (images,): `train` or `kept`."""
    coverage: np.ndarray
    """int32, (images,): number of the 33 base styles that show the concept."""

    def __len__(self) -> int:
        return len(self.image_id)


COLUMNS = ("image_id", "style", "concept", "caption", "tags", "split", "coverage")
"""Of a corpus, beside the images."""


def write_arrays(corpus: Corpus, folder: Path) -> None:
    """Write what `read_arrays` reads into an existing folder."""
    np.save(folder / "images.npy", corpus.images, allow_pickle=False)
    columns = {name: getattr(corpus, name) for name in COLUMNS}
    write_labels(
        {name: column.tolist() if isinstance(column, np.ndarray) else column for name, column in columns.items()},
        folder,
    )


def write_labels(columns: Mapping[str, list[Any]], folder: Path) -> None:
    """Write all columns but the images."""
    (folder / "labels.json").write_text(json.dumps(columns) + "\n", encoding="utf-8")


def read_arrays(folder: Path) -> Corpus:
    """The corpus in `folder`; its images stay on disk until they are looked at, and cannot be changed."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return Corpus(
        images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False),
        image_id=labels["image_id"],
        style=np.array(labels["style"]),
        concept=np.array(labels["concept"]),
        caption=labels["caption"],
        tags=labels["tags"],
        split=np.array(labels["split"]),
        coverage=np.array(labels["coverage"], dtype=np.int32),
    )
