"""What an adapter is tuned on: rows of a Parquet table with the columns `prompt` and `tokens`.

A table of candidates is one (`data.store.candidates`), and only these two columns of it are read. References, which
were never drawn, get a table of their own.
"""

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import CandidatesError
from data.store.candidates import SCHEMA

_COLUMNS = ("prompt", "tokens")


def examples_to_parquet(prompts: Sequence[str], tokens: NDArray[np.int64]) -> bytes:
    """Examples as a table; `tokens` are (examples, tokens). The same examples always give the same bytes."""
    schema = pa.schema([SCHEMA.field(name) for name in _COLUMNS])
    buffer = io.BytesIO()
    pq.write_table(pa.table([list(prompts), tokens.tolist()], schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def read_examples(content: bytes, rows: Sequence[int]) -> tuple[list[str], NDArray[np.int64]]:
    """Prompts and tokens (rows, tokens) of some `rows` of a table, in their order.

    Raises:
        CandidatesError: if it is no such table, or has no such rows.
    """
    try:
        table = pq.read_table(io.BytesIO(content), columns=list(_COLUMNS)).take(list(rows))
    except (pa.ArrowException, OSError) as error:
        raise CandidatesError(
            f"expected a table with the columns {', '.join(_COLUMNS)}, got {len(content)} bytes: {error}; run again"
        ) from error
    return table["prompt"].to_pylist(), np.array(table["tokens"].to_pylist(), dtype=np.int64)
