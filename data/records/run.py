"""What tasks hand to each other: small records that point at files in the store by address and hash.

All are JSON. Images, adapters and tables lie in the store, never in a record.
"""

import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from data.documents.spec import Feedback, StyleSpec

Answer = Literal["approve", "another round", "publish", "reject"]

ANSWER_MEANINGS: dict[Answer, str] = {
    "approve": "tune the next round on the picks and publish it",
    "another round": "tune the next round on the picks and ask about its candidates",
    "publish": "publish what is tuned already, although the reference's content shows",
    "reject": "publish nothing",
}
"""What a reviewer's answer does."""

NEEDS_PICKS: tuple[Answer, ...] = ("approve", "another round")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """Base of all records: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Blob(Record):
    """A file in the store which never changes."""

    uri: str
    sha256: Sha256
    size_bytes: int


class Example(Record):
    """What an adapter is tuned on: an image (square RGB PNG) and its whole prompt."""

    image: Blob
    prompt: str


class Run(Record):
    """A checked spec, with all that its tasks have in common.

    `key` is the digest of the spec, the bytes of its references and the base. `nonce` was drawn when
    the run's folder in the store was made: if the store is emptied, nothing cached fits any more.
    """

    key: str
    nonce: str
    started_at: datetime
    store: str
    spec: StyleSpec
    base_sha256: str
    reference_sha256: tuple[str, ...]
    """Of the files as the user gave them."""
    references: tuple[Example, ...]
    large_references: tuple[Example, ...] = ()
    """The same at the size that super-resolution makes; none if the base has none."""


class TokenizedExamples(Record):
    """Examples and their VQGAN tokens (.npy, int64, examples x views x tokens)."""

    examples: tuple[Example, ...]
    tokens: Blob


class AdapterRecord(Record):
    """A tuned adapter: the files the library wrote, by name."""

    round_number: int
    files: dict[str, Blob]
    parameters: int
    final_loss: float
    seconds: float


class CandidatesRecord(Record):
    """The candidates sampled from one round's adapter (Parquet, see `data.store.candidates`)."""

    round_number: int
    table: Blob
    count: int


class Score(Record):
    """Mean and standard error over all images."""

    mean: float
    standard_error: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The score of images of which each has one of `values`."""
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        return cls(mean=statistics.fmean(values), standard_error=error)

    @property
    def in_words(self) -> str:
        """The mean with its standard error."""
        return f"{self.mean:.3f} ± {self.standard_error:.3f}"


class Leak(Record):
    """How much of the references' content shows in images of other contents; 0 is what the base alone shows."""

    score: Score
    threshold: float
    """Above it, publishing needs a person's word."""

    @property
    def is_high(self) -> bool:
        """Whether the content shows more than it may without a person's word."""
        return self.score.mean > self.threshold

    @property
    def in_words(self) -> str:
        """The number, and what it means."""
        if self.is_high:
            return f"{self.score.in_words}, above {self.threshold}: the reference's content shows in other contents"
        return f"{self.score.in_words}, not above {self.threshold}"


class Question(Record):
    """What a reviewer is asked. It travels in the form, so that a page or a terminal can show it too."""

    style: str
    planned_rounds: int
    candidates: CandidatesRecord
    shown: tuple[int, ...]
    """Numbers of the candidates to pick from, in the order of the sheet."""
    chosen_by: str
    """How they were chosen of all, and in which order they come, in words."""
    leak: Leak | None
    """None if all candidates show what a reference shows."""
    answers: tuple[Answer, ...]
    store: str
    references: tuple[Example, ...]
    sheet: Blob
    """The candidates shown, on one numbered contact sheet (WebP)."""


class Decision(Record):
    """A reviewer's answer: what is kept in the store, and what counts."""

    decision: Answer
    reviewer: str
    decided_at: datetime
    picks: tuple[int, ...]
    candidates_sha256: Sha256
    note: str
    leak: Leak | None = None
    """As it stood before the reviewer."""


class FeedbackRecord(Record):
    """Which candidates of a round were kept, by whom, and the table that says so for every candidate."""

    round_number: int
    source: Feedback
    kept: tuple[int, ...]
    table: Blob
    examples: tuple[Example, ...]
    decision: Decision | None


class RoundScores(Record):
    """Text and Style score of the base (round 0) or of one round's adapter, on the evaluation prompts."""

    round_number: int
    text: Score
    style: Score
    samples: Blob


class TriedLambdaA(Record):
    """What the last round's adapter draws at one λ_A."""

    lambda_a: float
    text: Score
    style: Score
    leak: Leak | None
    text_of_images: tuple[float, ...] = ()
    """In the same order at every λ_A; empty in versions published before losses were taken image by image."""


class EnlargingRecord(Record):
    """Super-resolution's adapter of the style, and the last round's evaluation images, enlarged with it."""

    files: dict[str, Blob]
    parameters: int
    final_loss: float
    seconds: float
    contact_sheet: Blob


class GuidanceRecord(Record):
    """The λ_A of a style, and what else was tried; nothing if the spec names it."""

    lambda_a: float
    tried: tuple[TriedLambdaA, ...]


class EvaluationRecord(Record):
    """Base and every round side by side: the same prompts, the same seeds."""

    rounds: tuple[RoundScores, ...]
    leaks: tuple[Leak | None, ...] = ()
    """Of each round but the base; empty in versions published before there was a leak guard."""
    contact_sheet: Blob


class PublishedAdapter(Record):
    """A version in the store: `styles/NAME/versions/VERSION`. Its files never change."""

    name: str
    version: str
    uri: str
    manifest_sha256: Sha256


class StageRecord(Record):
    """A finished stage of pretraining: a folder on this machine, and the end of its curve."""

    folder: str
    sha256: Sha256
    """Of all files in the folder, with their names."""
    size_bytes: int
    seconds: float
    steps: int
    """0 for a stage that trains nothing."""
    figures: dict[str, float]


class PretrainedBase(Record):
    """A base in its folder, ready for `styledrop.load_base`."""

    folder: str
    sha256: Sha256
    """The base's own digest."""
    size_bytes: int
