"""A corpus as files that open in no time: images as one array on disk, everything else as JSON.

Reading a corpus from its shards takes a minute and starts processes; a stage of pretraining opens this instead.
"""

import json
from pathlib import Path

import numpy as np

from data.corpus import Corpus


def write_arrays(corpus: Corpus, folder: Path) -> None:
    """Write what `read_arrays` reads into an existing folder."""
    np.save(folder / "images.npy", corpus.images, allow_pickle=False)
    labels = {
        "image_id": corpus.image_id,
        "style": corpus.style.tolist(),
        "concept": corpus.concept.tolist(),
        "caption": corpus.caption,
        "tags": corpus.tags,
        "split": corpus.split.tolist(),
        "coverage": corpus.coverage.tolist(),
    }
    (folder / "labels.json").write_text(json.dumps(labels) + "\n", encoding="utf-8")


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
