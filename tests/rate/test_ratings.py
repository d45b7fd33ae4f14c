from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data.errors import AlreadyInStore, RatingsError
from data.store.files import Store
from rate.ratings import Choice, Rating, count_votes, has_rated, majority, read_ratings, shares, write_rating


def rating(**change: Any) -> Rating:
    fields: dict[str, Any] = dict(
        query="0123456789abcdef", content_phrase="crown", first="round 1", second="human", reference_sha256="a" * 64,
        first_image_sha256="b" * 64, second_image_sha256="c" * 64, shown_as_a="second", style="first", text="tie",
        rater="Ada", answered_at=datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC),
    )  # fmt: skip
    return Rating(**{**fields, **change})


def test_answers_come_back_with_every_field_and_any_parquet_reader_takes_the_folder(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    given = [rating(), rating(rater="Bob", style="second"), rating(query="f" * 16)]
    for one in given:
        write_rating(store, one)
    assert sorted(read_ratings(store), key=str) == sorted(given, key=str)
    assert sorted(pq.read_table(tmp_path)["rater"].to_pylist()) == ["Ada", "Ada", "Bob"]
    assert has_rated(store, "Ada") == {"0123456789abcdef", "f" * 16}
    assert has_rated(store, "Bob") == {"0123456789abcdef"}
    assert has_rated(store, "Eve") == set()


def test_the_first_answer_of_a_rater_stays(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write_rating(store, rating())
    with pytest.raises(AlreadyInStore):
        write_rating(store, rating(rater="ADA", style="second"))
    assert read_ratings(store) == [rating()]


def test_no_answers_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match=f"expected raters' answers in .*{tmp_path}, got none"):
        read_ratings(Store(str(tmp_path)))
    pq.write_table(pq.read_table(_written(tmp_path)).select(["rater"]), tmp_path / "other.parquet")
    with pytest.raises(RatingsError, match=r"at .*other\.parquet, got \['rater'\]"):
        read_ratings(Store(str(tmp_path)))
    (tmp_path / "other.parquet").write_bytes(b"nothing")
    with pytest.raises(RatingsError, match=r"expected a rater's answer at .*other\.parquet"):
        read_ratings(Store(str(tmp_path)))


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        (["first", "first", "first", "tie", "second"], "first"),
        (["second", "second", "second", "first", "first"], "second"),
        (["tie", "tie", "tie", "first", "second"], "tie"),
        (["first", "first", "second", "second", "tie"], "tie"),
        (["first", "first", "tie", "tie", "second"], "tie"),
        (["second"], "second"),
    ],
)
def test_a_query_goes_to_what_most_raters_chose_and_is_else_a_tie(votes: list[Choice], expected: Choice) -> None:
    assert majority(Counter(votes)) == expected


def test_votes_are_counted_for_each_query_and_question() -> None:
    answers = [rating(), rating(rater="Bob", style="second"), rating(rater="Eve"), rating(query="f" * 16, text="first")]
    one, other = count_votes(answers)
    assert (one.asked.query, one.style, one.text) == ("0" + "123456789abcdef", {"first": 2, "second": 1}, {"tie": 3})
    assert shares([one.text, other.text, other.text]) == {"first": 66.7, "tie": 33.3, "second": 0.0}


def _written(folder: Path) -> Path:
    write_rating(Store(str(folder)), rating())
    return next(folder.glob("*.parquet"))
