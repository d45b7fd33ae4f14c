"""Whatever is written: a spec or a manifest is read as it stands, or refused in words."""

import csv
import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from data.documents.style_spec import StyleSpec, parse_spec
from data.documents.table import read_csv, read_parquet
from data.documents.words import content_key, unseen_characters
from data.errors import SpecError
from tests.data.documents.test_spec import MINIMAL

SEEN = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
PHRASES = st.lists(SEEN, min_size=1, max_size=3).map(" ".join)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12).map(str.strip)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=12), values, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(StyleSpec.model_fields)


@given(content=PHRASES, style=PHRASES, prompts=st.lists(PHRASES, max_size=4), rounds=st.integers(1, 10))
def test_a_spec_that_is_accepted_survives_json_and_never_scores_what_it_is_tuned_on(
    content: str, style: str, prompts: list[str], rounds: int
) -> None:
    reference = {"uri": "a.png", "content_phrase": content, "style_phrase": style}
    document: dict[str, Any] = {**MINIMAL, "references": [reference], "rounds": rounds}
    try:
        spec = parse_spec({**document, "prompts": prompts} if prompts else document)
    except SpecError:
        return
    assert StyleSpec.model_validate_json(spec.model_dump_json()) == spec
    tuned_on = {content_key(phrase) for phrase in (*spec.reference_contents, *spec.prompts)}
    assert not tuned_on & {content_key(phrase) for phrase in spec.evaluation_prompts}
    assert all(prompt in spec.whole_prompts for prompt in (f"{one} {spec.style_phrase}" for one in spec.prompts))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*FIELDS, "nane"]), ANYTHING, max_size=4))
def test_a_spec_of_anything_is_a_spec_or_one_line_of_words(changes: dict[str, Any]) -> None:
    try:
        spec = parse_spec({**MINIMAL, **changes})
    except SpecError as error:
        assert not unseen_characters(str(error))
    else:
        assert parse_spec(spec.model_dump(mode="json")) == spec


ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), min_size=1, max_size=6)


def to_csv(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["a", "b", "c"], *rows])
    return buffer.getvalue().encode()


@given(ROWS)
def test_a_csv_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    read = read_csv(to_csv(rows), ["a", "b", "c"], 10)
    assert [list(row.cells.values()) for row in read] == rows
    assert [row.number for row in read] == list(range(1, len(rows) + 1))


@given(ROWS, st.data())
def test_a_stray_quote_or_line_break_spoils_no_row_but_its_own(rows: list[list[str]], data: st.DataObject) -> None:
    lines = to_csv(rows).decode().split("\r\n")
    torn = data.draw(st.integers(1, len(rows)))
    place = data.draw(st.integers(0, len(lines[torn])))
    lines[torn] = lines[torn][:place] + data.draw(st.sampled_from(['"', "\n", '"\n', '\n"'])) + lines[torn][place:]
    read = read_csv("\r\n".join(lines).encode(), ["a", "b", "c"], 20)
    whole = [list(row.cells.values()) for row in read if not row.problem]
    for number, row in enumerate(rows, start=1):
        if number < torn:
            assert row in whole
    joined = {tuple(row) for row in rows}
    assert all(len(row) <= 3 for row in whole)
    assert not [row for row in whole if any("\n" in cell for cell in row)], joined


@given(st.binary(max_size=300) | st.text('a,;"\n\t ', max_size=40).map(lambda text: f"a,b,c\n{text}".encode()))
def test_bytes_are_a_table_or_one_error(content: bytes) -> None:
    for read in (read_csv, read_parquet):
        try:
            rows = read(content, ["a", "b", "c"], 10)
        except SpecError:
            continue
        assert all(row.problem or set(row.cells) <= {"a", "b", "c"} for row in rows)
