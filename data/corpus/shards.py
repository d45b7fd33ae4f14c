"""The corpus on disk: Parquet shards of images and their words, in an order that mixes the styles.

Columns: the image's name, what it shows and how, its split, and the image as lossless WebP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.corpus.icons import Icon
from data.errors import CorpusError

IMAGE_SIZE_PX = 128
ROWS_PER_SHARD = 4000

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("style", pa.string()),
        ("concept", pa.string()),
        ("caption", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("split", pa.string()),
        ("style_coverage", pa.int32()),
        ("image", pa.binary()),
    ]
)


def fraction(text: str) -> float:
    """A pseudorandom number in [0, 1) that depends on the text only, so it is the same in every build."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def mixed(made: Sequence[tuple[Icon, bytes]]) -> list[tuple[Icon, bytes]]:
    """The icons in the order in which they are written, whatever order they come in."""
    return sorted(made, key=lambda one: fraction(f"order 1 {one[0].image_id}"))


def write_shards(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write `part-NNNNN.parquet` of `ROWS_PER_SHARD` rows each."""
    for number, start in enumerate(range(0, len(rows), ROWS_PER_SHARD)):
        table = pa.Table.from_pylist(rows[start : start + ROWS_PER_SHARD], schema=SCHEMA)
        pq.write_table(table, folder / f"part-{number:05d}.parquet", compression="zstd", row_group_size=500)


def read_shards(folder: Path) -> pa.Table:
    """All rows, in the order in which they were written.

    Raises:
        CorpusError: if the folder holds no shards.
    """
    shards = sorted(folder.glob("part-*.parquet"))
    if not shards:
        raise CorpusError(f"no part-*.parquet in {folder}; build the corpus first with build_corpus")
    return pa.concat_tables(pq.read_table(shard, schema=SCHEMA) for shard in shards)
