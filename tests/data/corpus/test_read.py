"""A built corpus, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.corpus import read_corpus
from data.corpus.build import build_corpus
from data.errors import CorpusError


def test_read_corpus_gives_images_in_their_colours_on_the_size_asked(packages: Path, tmp_path: Path) -> None:
    build_corpus(packages, tmp_path / "out")
    read = read_corpus(tmp_path / "out", 16)
    assert read.images.shape == (len(read), 16, 16, 3) and read.images.dtype == np.uint8
    assert read.image_id == pq.read_table(tmp_path / "out/part-00000.parquet")["image_id"].to_pylist()
    red = read.images[read.image_id.index("tiny-emoji/house")]
    assert red[0, 15].tolist() == [255, 255, 255] and red[8, 3].tolist() == [170, 0, 0]
    wide = read.images[read.image_id.index("tiny-fill/car-2")]
    assert wide[0, 0].tolist() == [255, 255, 255] and wide[8, 6].max() < 40, "a wide icon is centred on a white square"
    assert set(read.split) <= {"train", "kept"} and read.coverage.dtype == np.int32


def test_read_corpus_says_what_is_missing_or_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no part-\*.parquet in .*nothing; build the corpus first"):
        read_corpus(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"size_px must be in 1..128, got 129"):
        read_corpus(tmp_path / "nothing", 129)
