from pathlib import Path

import pytest
import yaml

from data.documents.requests import read_request
from data.errors import SpecError
from rate.study import Study, draw_queries, first_is_shown_as_a
from tests.rating_study import PHRASES, row_of, write_study

PAIRS = (("tuned-once", "by-people"), ("by-people", "by-clip"))


def read_study(path: Path) -> Study:
    return read_request(path, Study)


def test_every_query_shows_an_image_of_each_row_of_its_pair_for_the_same_content(tmp_path: Path) -> None:
    queries = draw_queries(read_study(write_study(tmp_path, pairs=PAIRS)))
    assert len({query.id for query in queries}) == len(queries) == 2 * len(PHRASES)
    for query in queries:
        assert (row_of(query.first_image), row_of(query.second_image)) == (query.first, query.second)
    for first, second in PAIRS:
        asked = [query.content_phrase for query in queries if (query.first, query.second) == (first, second)]
        assert sorted(asked) == sorted(PHRASES)
    assert [(query.first, query.second) for query in queries[: len(PHRASES)]] != [PAIRS[0]] * len(PHRASES)  # mixed


def test_the_same_study_asks_the_same_whatever_else_it_asks(tmp_path: Path) -> None:
    one = draw_queries(read_study(write_study(tmp_path, queries_per_pair=5)))
    assert draw_queries(read_study(tmp_path / "study.yaml")) == one
    both = draw_queries(read_study(write_study(tmp_path, pairs=PAIRS, queries_per_pair=5)))
    assert (len(one), len(both)) == (5, 10)
    assert {query.id for query in one} < {query.id for query in both}
    other = draw_queries(read_study(tmp_path / "study.yaml").model_copy(update={"seed": 1}))
    assert not {query.id for query in other} & {query.id for query in both}


def test_a_is_the_first_image_in_about_half_of_all_cases_and_for_about_half_of_the_raters(tmp_path: Path) -> None:
    query, *_ = queries = draw_queries(read_study(write_study(tmp_path, pairs=PAIRS)))
    raters = [f"rater {number}" for number in range(40)]
    assert 10 <= sum(first_is_shown_as_a(query, rater) for rater in raters) <= 30
    assert 6 <= sum(first_is_shown_as_a(query, "Ada") for query in queries) <= 18
    assert [first_is_shown_as_a(query, "Ada") for query in queries] == [
        first_is_shown_as_a(query, "Ada") for query in queries
    ]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([["tuned-once", "other"]], r"got none of \['other'\] for .*reference\.png"),
        ([["by-clip", "by-clip"]], "expected two rows in each and each pair once, got .*'by-clip', 'by-clip'"),
        ([["by-clip", "by-people"], ["by-people", "by-clip"]], "each pair once"),
    ],
)
def test_pairs_that_cannot_be_shown_are_refused(tmp_path: Path, pairs: list[list[str]], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        read_study(write_study(tmp_path, pairs=pairs))


def test_rows_without_a_content_in_common_are_refused(tmp_path: Path) -> None:
    from data.store.candidates import from_parquet, to_parquet

    path = write_study(tmp_path)
    samples = from_parquet((tmp_path / "by-people.parquet").read_bytes())
    (tmp_path / "half.parquet").write_bytes(to_parquet(samples[:12]))
    (tmp_path / "other half.parquet").write_bytes(to_parquet(samples[12:]))
    document = yaml.safe_load(path.read_text())
    document["styles"][0]["images"] |= {
        "tuned-once": str(tmp_path / "half.parquet"),
        "by-people": str(tmp_path / "other half.parquet"),
    }
    with pytest.raises(SpecError, match="both 'tuned-once' and 'by-people' were drawn for, got none"):
        draw_queries(Study.model_validate(document))
