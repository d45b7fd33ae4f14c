import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import CandidatesError
from data.store.candidates import Candidate, examples_to_parquet, from_parquet, read_examples, to_parquet


def candidate(index: int, tokens: tuple[int, ...] = (3, 8191)) -> Candidate:
    return Candidate(
        index=index, content_phrase="a cat", prompt="a cat in ink", seed=2**40 + index, image=bytes([index]),
        text_score=0.25, style_score=0.5, tokens=tokens,
    )  # fmt: skip


def test_candidates_survive_parquet_with_every_field() -> None:
    candidates = [candidate(0), candidate(1, tokens=(0, 1)), candidate(2)]
    assert from_parquet(to_parquet(candidates)) == candidates
    assert to_parquet(candidates) == to_parquet(candidates)


def test_only_the_kept_are_read_as_examples_in_their_order() -> None:
    table = to_parquet([candidate(number, tokens=(number, 9)) for number in range(4)])
    prompts, tokens = read_examples(table, (3, 1))
    assert (prompts, tokens.tolist()) == (["a cat in ink"] * 2, [[3, 9], [1, 9]])
    references = examples_to_parquet(["a disc", "a hat"], np.array([[1, 2], [3, 4]]))
    prompts, tokens = read_examples(references, (0, 1))
    assert (prompts, tokens.tolist()) == (["a disc", "a hat"], [[1, 2], [3, 4]])


def test_something_else_than_parquet_is_refused() -> None:
    with pytest.raises(CandidatesError, match="got 7 bytes"):
        from_parquet(b"nothing")
    for table, row in ((b"nothing", 0), (to_parquet([candidate(0)]), 1)):
        with pytest.raises(CandidatesError, match="expected a Parquet file of candidates"):
            read_examples(table, (row,))


def test_other_columns_are_refused() -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"index": [1]}), buffer)
    with pytest.raises(CandidatesError, match=r"expected the columns .*'tokens'.*got \['index'\]"):
        from_parquet(buffer.getvalue())
