"""Raters' answers, one Parquet file each, and what they come to: majority votes and shares (StyleDrop, Tab. 2).

An answer is written once and never changed: a rater has one for each query, several servers may take answers at
the same time, and a server that is killed loses none that it has confirmed. Any Parquet reader takes the folder
as one table: `pandas.read_parquet(FOLDER)`.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import RatingsError
from data.store.files import Store

Choice = Literal["first", "tie", "second"]
CHOICES: tuple[Choice, ...] = ("first", "tie", "second")

SCHEMA = pa.schema(
    [
        pa.field("query", pa.string(), nullable=False),
        pa.field("content_phrase", pa.string(), nullable=False),
        pa.field("first", pa.string(), nullable=False),
        pa.field("second", pa.string(), nullable=False),
        pa.field("reference_sha256", pa.string(), nullable=False),
        pa.field("first_image_sha256", pa.string(), nullable=False),
        pa.field("second_image_sha256", pa.string(), nullable=False),
        pa.field("shown_as_a", pa.string(), nullable=False),
        pa.field("style", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("rater", pa.string(), nullable=False),
        pa.field("answered_at", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    """A rater's answer to both questions of a query."""

    query: str
    content_phrase: str
    first: str
    """The row that the first image is of."""
    second: str
    reference_sha256: str
    """Of the PNG, as in the next two."""
    first_image_sha256: str
    second_image_sha256: str
    shown_as_a: Literal["first", "second"]
    style: Choice
    """Which has the style of the reference."""
    text: Choice
    """Which shows what the text says."""
    rater: str
    answered_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """What the raters of a query say together."""

    asked: Rating
    """One of the answers, for what was asked."""
    style: Counter[Choice]
    text: Counter[Choice]

    @property
    def pair(self) -> tuple[str, str]:
        """The rows that are compared."""
        return self.asked.first, self.asked.second


def write_rating(store: Store, rating: Rating) -> None:
    """Keep an answer.

    Raises:
        AlreadyInStore: if the rater has answered this query; that answer stays.
        StoreNotWritable: if the store refuses.
    """
    buffer = io.BytesIO()
    columns = {name: [getattr(rating, name)] for name in SCHEMA.names}
    pq.write_table(pa.table(columns, schema=SCHEMA), buffer)
    store.write_new(_key(rating.query, rating.rater), buffer.getvalue())


def has_rated(store: Store, rater: str) -> set[str]:
    """The queries that a rater has answered."""
    ending = _key("", rater)
    return {key.removesuffix(ending) for key in store.list() if key.endswith(ending)}


def read_ratings(store: Store) -> list[Rating]:
    """All answers.

    Raises:
        RatingsError: if there is none, or a file that is no answer.
    """
    ratings = []
    for key in store.list():
        if not key.endswith(".parquet"):
            continue
        try:
            table = pq.read_table(io.BytesIO(store.read(key)))
        except (pa.ArrowException, OSError) as error:
            raise RatingsError(f"expected a rater's answer at {store.uri}/{key}, got: {error}") from error
        if not table.schema.equals(SCHEMA):
            raise RatingsError(
                f"expected the columns {SCHEMA.names} at {store.uri}/{key}, got {table.schema.names}; "
                "keep answers in a folder of their own"
            )
        ratings += [Rating(**row) for row in table.to_pylist()]
    if not ratings:
        raise RatingsError(f"expected raters' answers in {store.uri}, got none; check the address")
    return ratings


def count_votes(ratings: Iterable[Rating]) -> list[Vote]:
    """The votes of every query, by pair and content."""
    votes: dict[str, Vote] = {}
    for rating in ratings:
        vote = votes.setdefault(rating.query, Vote(asked=rating, style=Counter(), text=Counter()))
        vote.style[rating.style] += 1
        vote.text[rating.text] += 1
    return sorted(votes.values(), key=lambda vote: (*vote.pair, vote.asked.content_phrase, vote.asked.query))


def majority(votes: Counter[Choice]) -> Choice:
    """What most raters chose; a tie where no choice has more votes than each other one."""
    most = max(votes.values())
    leaders = [choice for choice in CHOICES if votes[choice] == most]
    return leaders[0] if len(leaders) == 1 else "tie"


def shares(votes: Sequence[Counter[Choice]]) -> dict[Choice, float]:
    """Per cent of the queries whose majority is each choice."""
    majorities = Counter(map(majority, votes))
    return {choice: round(100 * majorities[choice] / len(votes), 1) for choice in CHOICES}


def _key(query: str, rater: str) -> str:
    return f"{query}-{hashlib.sha256(rater.casefold().encode()).hexdigest()[:16]}.parquet"
