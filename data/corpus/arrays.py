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


def write_labels(columns: Mapping[str, list[Any]], folder: Path) -> None:
    """Write all columns but the images."""
    (folder / "labels.json").write_text(json.dumps(columns) + "\n", encoding="utf-8")


def read_arrays(folder: Path) -> Corpus:
    """The corpus in `folder`; its images stay on disk until they are looked at, and cannot be changed."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    labels |= {name: np.array(labels[name]) for name in ("style", "concept", "split")}
    labels["coverage"] = np.array(labels["coverage"], dtype=np.int32)
    return Corpus(images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False), **labels)
