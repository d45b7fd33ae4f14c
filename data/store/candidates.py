"""Candidates of a round as one Parquet file: tokens, image bytes, prompt, seed, scores.

One row is one image. Read it with any Parquet reader: `pandas.read_parquet(…)`, or duckdb.

An adapter is tuned on rows of such a table, of which `prompt` and `tokens` are read. References, which were never
drawn, get a table of these two columns.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import CandidatesError

SCHEMA = pa.schema(
    [
        pa.field("index", pa.int32(), nullable=False),
        pa.field("content_phrase", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("tokens", pa.list_(pa.int32()), nullable=False),
        pa.field("image", pa.binary(), nullable=False),
        pa.field("text_score", pa.float32(), nullable=False),
        pa.field("style_score", pa.float32(), nullable=False),
    ]
)

_OF_EXAMPLES = ["prompt", "tokens"]

MAX_FILE_BYTES = 2**30
"""Of a table that is read from anywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A sampled image with its prompt, seed and scores."""

    index: int
    """Its number in the round, from 0: what a reviewer picks by."""
    content_phrase: str
    prompt: str
    seed: int
    image: bytes
    """PNG."""
    text_score: float
    """Cosine of image and prompt."""
    style_score: float
    """Cosine of image and style reference."""
    tokens: tuple[int, ...] = ()
    """What the image was decoded from, row by row of the latent grid."""

    @property
    def file_name(self) -> str:
        """Its number and its content, for people who look through a folder."""
        words = re.sub(r"[^a-z0-9]+", "-", self.content_phrase.lower()).strip("-")[:40]
        return f"{self.index:05}-{words}.png"


def to_parquet(candidates: Sequence[Candidate]) -> bytes:
    """The candidates as a Parquet file; the same candidates always give the same bytes."""
    columns = {name: [getattr(candidate, name) for candidate in candidates] for name in SCHEMA.names}
    return _to_parquet(pa.table(columns, schema=SCHEMA))


def from_parquet(content: bytes) -> list[Candidate]:
    """The candidates in a Parquet file, in the order they were written.

    Raises:
        CandidatesError: if it is no Parquet file, or one with other columns.
    """
    table = _read_table(content)
    if not table.schema.equals(SCHEMA):
        raise CandidatesError(f"expected the columns {SCHEMA.names}, got {table.schema.names}; was it written by us?")
    return [Candidate(**{**row, "tokens": tuple(row["tokens"])}) for row in table.to_pylist()]


def examples_to_parquet(prompts: Sequence[str], tokens: NDArray[np.int64]) -> bytes:
    """Examples to tune on; `tokens` are (examples, tokens). The same examples always give the same bytes."""
    schema = pa.schema([SCHEMA.field(name) for name in _OF_EXAMPLES])
    return _to_parquet(pa.table([list(prompts), tokens.tolist()], schema=schema))


def read_examples(content: bytes, rows: Sequence[int]) -> tuple[list[str], NDArray[np.int64]]:
    """Prompts and tokens (rows, tokens) of some `rows` of a table, in their order.

    Raises:
        CandidatesError: if it is no such table, or has no such rows.
    """
    table = _read_table(content, _OF_EXAMPLES, rows)
    return table["prompt"].to_pylist(), np.array(table["tokens"].to_pylist(), dtype=np.int64)


def _to_parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    # The images are compressed already; row groups let a reader of a few rows skip the rest.
    pq.write_table(table, buffer, compression="zstd", row_group_size=256)
    return buffer.getvalue()


def _read_table(content: bytes, columns: list[str] | None = None, rows: Sequence[int] | None = None) -> pa.Table:
    try:
        table = pq.read_table(io.BytesIO(content), columns=columns)
        return table if rows is None else table.take(list(rows))
    except (pa.ArrowException, OSError) as error:
        raise CandidatesError(f"expected a Parquet file of candidates, got {len(content)} bytes: {error}") from error
