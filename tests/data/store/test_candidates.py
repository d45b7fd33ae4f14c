import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import CandidatesError
from data.store.candidates import Candidate, from_parquet, to_parquet


def candidate(index: int, kept: bool | None = None) -> Candidate:
    return Candidate(
        index=index, content_phrase="a cat", prompt="a cat in ink", seed=2**40 + index, image=bytes([index]),
        text_score=0.25, style_score=0.5, kept=kept,
    )  # fmt: skip


def test_candidates_survive_parquet_with_every_field() -> None:
    candidates = [candidate(0), candidate(1, kept=True), candidate(2, kept=False)]
    assert from_parquet(to_parquet(candidates)) == candidates
    assert to_parquet(candidates) == to_parquet(candidates)


def test_something_else_than_parquet_is_refused() -> None:
    with pytest.raises(CandidatesError, match="got 7 bytes"):
        from_parquet(b"nothing")


def test_other_columns_are_refused() -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"index": [1]}), buffer)
    with pytest.raises(CandidatesError, match=r"expected the columns .*'kept'.*got \['index'\]"):
        from_parquet(buffer.getvalue())
