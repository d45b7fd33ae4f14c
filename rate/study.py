"""A study for raters: which of two images has the reference's style, and which shows what the text says.

The queries of the StyleDrop paper's study (arXiv:2306.00983, Fig. B.2 and Tab. 2): for a pair of rows of the
evaluation, two images drawn for the same content, one from each, and the reference of their style. The text
is the content phrase alone: the style is asked about by itself, and methods may have different words for it.
"""

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.addresses import read_file
from data.errors import SpecError
from data.pictures.images import load_reference, to_png
from data.store.candidates import MAX_FILE_BYTES, from_parquet

Row = Annotated[str, Field(min_length=1, max_length=60)]


class RatedStyle(BaseModel):
    """A style's reference, and what each row of the evaluation drew in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str = Field(min_length=1, description="the image that shows the style: a path, file://… or s3://…")
    images: dict[Row, str] = Field(
        description="row -> URI of its samples: a Parquet file that a report of `styledrop-evaluate` names"
    )


class Study(BaseModel):
    """What is asked of raters, and where their answers go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    styles: tuple[RatedStyle, ...] = Field(min_length=1, description="the paper: six")
    pairs: tuple[tuple[Row, Row], ...] = Field(min_length=1, description="rows that are compared, first and second")
    queries_per_pair: int = Field(default=300, ge=1, description="at most; each shows another style or content")
    seed: int = Field(default=0, ge=0, lt=2**31, description="the draw of queries and the order of A and B follow it")
    answers: str = Field(min_length=1, description="folder of the answers, of its own: a path, file://… or s3://…")

    @model_validator(mode="after")
    def _pairs_can_be_shown(self) -> Self:
        compared = [frozenset(pair) for pair in self.pairs]
        if len(set(compared)) < len(compared) or min(map(len, compared)) < 2:
            raise ValueError(f"pairs: expected two rows in each and each pair once, got {self.pairs}")
        for style in self.styles:
            missing = sorted({row for pair in self.pairs for row in pair} - set(style.images))
            if missing:
                raise ValueError(f"images: expected all rows of pairs, got none of {missing} for {style.reference}")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """Two images for the same content, not yet in the order in which they are shown."""

    id: str
    """16 hexadecimal digits that follow from all below and the study's seed."""
    content_phrase: str
    first: str
    """The row of the pair that the first image is of."""
    second: str
    reference: bytes
    """PNG, as the images."""
    first_image: bytes
    second_image: bytes


def draw_queries(study: Study) -> list[Query]:
    """The study's queries, pairs and styles mixed; the same study always has the same, in the same order.

    What a pair is asked with does not depend on the other pairs.

    Raises:
        SpecError: if a pair has no content in common.
        AddressError, CandidatesError, StyleReferenceError: if a file cannot be read.
    """
    styles = [_read_style(style) for style in study.styles]
    queries: dict[str, Query] = {}
    for first, second in study.pairs:
        rng = random.Random(f"{study.seed}/{first}/{second}")
        shown = [
            (reference, phrase, images[first][phrase], images[second][phrase])
            for reference, images in styles
            for phrase in images[first]
            if phrase in images[second]
        ]
        if not shown:
            raise SpecError(
                f"expected content phrases that both {first!r} and {second!r} were drawn for, got none; "
                "evaluate them with the same prompts"
            )
        for reference, phrase, of_first, of_second in rng.sample(shown, min(study.queries_per_pair, len(shown))):
            images = (reference, rng.choice(of_first), rng.choice(of_second))
            query = _query(study.seed, phrase, (first, second), images)
            queries[query.id] = query
    mixed = list(queries.values())
    random.Random(study.seed).shuffle(mixed)
    return mixed


def first_is_shown_as_a(query: Query, rater: str) -> bool:
    """Whether this rater sees the first image as A: by chance, and always the same."""
    return random.Random(f"{query.id}/{rater}").random() < 0.5


def _read_style(style: RatedStyle) -> tuple[bytes, Mapping[str, Mapping[str, list[bytes]]]]:
    """The reference, and row -> phrase -> images."""
    images: dict[str, dict[str, list[bytes]]] = {}
    for row, uri in style.images.items():
        by_phrase = images.setdefault(row, {})
        for sample in from_parquet(read_file(uri, "a table of samples", MAX_FILE_BYTES)):
            by_phrase.setdefault(sample.content_phrase, []).append(sample.image)
    return to_png(load_reference(style.reference).image), images


def _query(seed: int, phrase: str, pair: tuple[str, str], images: tuple[bytes, bytes, bytes]) -> Query:
    digests = [hashlib.sha256(png).hexdigest() for png in images]
    return Query(
        id=hashlib.sha256(json.dumps([seed, phrase, *pair, *digests]).encode()).hexdigest()[:16],
        content_phrase=phrase,
        first=pair[0],
        second=pair[1],
        reference=images[0],
        first_image=images[1],
        second_image=images[2],
    )
