"""A corpus as a folder, for what reads one."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from data.corpus.arrays import Corpus

COLUMNS = tuple(field.name for field in fields(Corpus) if field.name != "images")


def write_corpus(corpus: Corpus, folder: Path) -> None:
    """Write what `read_arrays` reads into an existing folder."""
    np.save(folder / "images.npy", corpus.images, allow_pickle=False)
    columns = {name: np.asarray(getattr(corpus, name), dtype=object).tolist() for name in COLUMNS}
    (folder / "labels.json").write_text(json.dumps(columns))
