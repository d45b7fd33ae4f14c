"""How images score: Text, Style and leak of a round, of a λ_A, and of all rounds side by side."""

import hashlib
from collections.abc import Sequence
from typing import Self

from data.documents.words import Likeness
from data.records.record import Blob, Record
from data.records.version import Score


class Leak(Record):
    """How much of the references' content shows in images of other contents; 0 is what the base alone shows."""

    score: Score
    threshold: float
    """Above it, the content shows more than it may without a person's word."""

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


class RoundScores(Record):
    """Text and Style score of the base (round 0) or of one round's adapter, on the evaluation prompts."""

    round_number: int
    text: Score
    style: Score
    samples: Blob


def gains_in_words(text: Score, style: Score, likeness: str = "Style") -> str:
    """As "Style +0.100 ± 0.010, Text -0.020 ± 0.005"."""
    both = ((likeness, style), ("Text", text))
    return ", ".join(f"{name} {score.mean:+.3f} ± {score.standard_error:.3f}" for name, score in both)


class Gain(Record):
    """What images gained over others of the same prompts, image by image."""

    text: Score
    """The mean gain, with its standard error."""
    style: Score
    images: int
    likeness: Likeness = "Style"
    """What `style` is called: the likeness to the references of a style, or of a subject."""

    @classmethod
    def of(
        cls,
        text_gains: Sequence[float],
        style_gains: Sequence[float],
        likeness: Likeness = "Style",
    ) -> Self:
        """The gain of images of which each gained so much in Text and in Style."""
        return cls(text=Score.of(text_gains), style=Score.of(style_gains), images=len(style_gains), likeness=likeness)

    @property
    def is_loss(self) -> bool:
        """Whether Text or Style has fallen by more than chance: twice the standard error."""
        return any(score.mean < -2 * score.standard_error for score in (self.text, self.style))

    @property
    def in_words(self) -> str:
        """Both gains with their errors."""
        return gains_in_words(self.text, self.style, self.likeness)


class Verdict(Gain):
    """Whether a style was learnt: what each image gained over the untuned base's of the same prompt and seed.

    Learnt is a style whose Style score has risen, and whose Text score has not fallen, by more than chance: twice the
    standard error of the gains.
    """

    is_learnt: bool

    @classmethod
    def of(
        cls,
        text_gains: Sequence[float],
        style_gains: Sequence[float],
        likeness: Likeness = "Style",
    ) -> Self:
        """The verdict on images of which each gained so much in Text and in Style."""
        gain = Gain.of(text_gains, style_gains, likeness)
        has_style = gain.images > 1 and gain.style.mean > 2 * gain.style.standard_error
        return cls(is_learnt=has_style and not gain.is_loss, **gain.model_dump())

    @property
    def label(self) -> str:
        """The verdict."""
        return "learnt" if self.is_learnt else "not learnt"

    @property
    def in_words(self) -> str:
        """The verdict with its reasons."""
        return f"{self.label}: {super().in_words} against the untuned base, {self.images} images"


class Findings(Record):
    """What is known of a round, and what of it makes publishing a person's decision."""

    leak: Leak | None = None
    """None if all images show what a reference shows."""
    verdict: Verdict | None = None
    over_old: Gain | None = None
    """Over the version that it rebuilds; None if it rebuilds none."""

    @property
    def digest(self) -> str:
        """Names what is known, whatever else stands with it: 16 hexadecimal digits."""
        known = self.model_dump_json(include=set(Findings.model_fields))
        return hashlib.sha256(known.encode()).hexdigest()[:16]

    @property
    def doubts(self) -> dict[str, str]:
        """Why publishing needs a person's word, in words by what they are about; none if it needs none."""
        found = {}
        if self.leak is not None and self.leak.is_high:
            found["leak"] = f"leak {self.leak.in_words}"
        if self.verdict is not None and not self.verdict.is_learnt:
            found["verdict"] = self.verdict.in_words
        if self.over_old is not None and self.over_old.is_loss:
            found["over_old"] = f"worse than the version that it rebuilds: {self.over_old.in_words}"
        return found

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it in words, a line each."""
        leak = f"leak {self.leak.in_words if self.leak else 'unknown'}"
        over_old = (f"over the version that it rebuilds: {self.over_old.in_words}",) if self.over_old else ()
        return (leak, self.verdict.in_words if self.verdict else "verdict unknown", *over_old)


class TriedLambdaA(Record):
    """What the last round's adapter draws at one λ_A."""

    lambda_a: float
    text: Score
    style: Score
    leak: Leak | None
    text_of_images: tuple[float, ...] = ()
    """In the same order at every λ_A; empty in versions published before losses were taken image by image."""


class GuidanceRecord(Record):
    """The λ_A of a style, and what else was tried; nothing if the spec names it."""

    lambda_a: float
    tried: tuple[TriedLambdaA, ...]


class RebuiltRecord(Record):
    """A version beside the older one that it rebuilds, both scored by the new base's CLIP."""

    version: str
    """The older one."""
    gain: Gain
    """Over it, image by image of the same prompts."""
    sheet: Blob


class EvaluationRecord(Record):
    """Base and every round side by side: the same prompts, the same seeds."""

    rounds: tuple[RoundScores, ...]
    leaks: tuple[Leak | None, ...] = ()
    """Of each round but the base; empty in versions published before there was a leak guard."""
    verdict: Verdict | None = None
    """On the last round; None in versions published before there were verdicts."""
    contact_sheet: Blob
    rebuilt: RebuiltRecord | None = None
    """None if it rebuilds no older version."""

    @property
    def findings(self) -> Findings:
        """What is known of the last round."""
        return Findings(
            leak=self.leaks[-1] if self.leaks else None,
            verdict=self.verdict,
            over_old=self.rebuilt.gain if self.rebuilt else None,
        )
