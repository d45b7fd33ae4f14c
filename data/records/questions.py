"""Questions to a reviewer.

A person is asked about candidates of a round, about the last one if there are doubts about it, and before the first
about phrases that the spec leaves out and the base's scorer proposed.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from data.documents.words import checked_phrase, unseen_characters
from data.errors import DecisionRefused
from data.records.feedback import NEEDS_PICKS, Answer, Decision
from data.records.onboarding import CandidatesRecord, Example, NearStyle
from data.records.record import Blob, Record
from data.records.scores import Findings

ANSWERS_TO_PHRASES: tuple[Answer, ...] = ("confirm", "reject")
"""What can be said of phrases that were proposed; who confirms says what they shall be."""


class Question(Record):
    """What a reviewer is asked, of whatever kind. It travels in the form, so that a page can show it too."""

    about: ClassVar[str]
    """What is looked at, in a word."""
    style: str
    answers: tuple[Answer, ...]
    store: str
    references: tuple[Example, ...]
    refusal: str = ""
    """Why the answer before this could not be used."""
    reviewers: int = 1
    """How many have to agree."""
    answered_by: tuple[str, ...] = ()
    """Who has answered before: somebody else is asked now."""
    disagreement: str = ""
    """What they said, if a third person is to decide; until then nobody sees another's answer."""
    nearest: tuple[NearStyle, ...] = ()
    """The published styles whose references look most like this one's, the nearest first."""

    @property
    def turn(self) -> str:
        """Who is asked, in words; empty if one reviewer is all."""
        if self.disagreement:
            return f"They do not agree, so a third person decides. {self.disagreement}."
        if self.answered_by:
            return f"Two reviewers have to agree; {self.answered_by[0]} has answered, and somebody else is asked."
        return "Two reviewers have to agree; this is the first." if self.reviewers > 1 else ""

    @property
    def seen_sha256(self) -> str:
        """Digest of what is to be looked at; an answer names it."""
        raise NotImplementedError

    @property
    def findings(self) -> Findings:
        """What is known of the round that is asked about."""
        return Findings()

    @property
    def key(self) -> str:
        """Names what is asked about: the same pictures and phrases, and before publication the same findings."""
        seen = self.seen_sha256[:16]
        return f"{seen}-{self.findings.digest}" if self.is_about_publication else seen

    @property
    def is_about_publication(self) -> bool:
        """Whether it asks if the last round may be published, not what the next one is tuned on."""
        return "publish" in self.answers

    @property
    def nearest_in_words(self) -> str:
        """As "0.97 like stickies, 0.81 like doodles"."""
        return ", ".join(style.in_words for style in self.nearest) or "none is published"

    def check(self, decision: Decision) -> None:
        """Refuse an answer that cannot be acted on; the task that records it and the review page both ask.

        Raises:
            DecisionRefused: if it was made on something else, is none of the `answers`, or is by nobody, by one who has
                answered already, or with characters that cannot be seen.
        """
        if decision.candidates_sha256 != self.seen_sha256:
            raise DecisionRefused(
                f"expected a decision on {self.about} {self.seen_sha256[:12]}, got one on "
                f"{decision.candidates_sha256[:12]}: they have changed; look at the new ones and decide again"
            )
        if decision.decision not in self.answers:
            raise DecisionRefused(
                f"expected one of {list(self.answers)} to these {self.about}, got {decision.decision!r}; choose one of "
                "these, others cannot be carried out here"
            )
        if not decision.reviewer.strip():
            raise DecisionRefused("expected the reviewer's name, got an empty one; say who decides")
        if _name_key(decision.reviewer) in map(_name_key, self.answered_by):
            raise DecisionRefused(
                f"expected another reviewer than {' and '.join(self.answered_by)}, got {decision.reviewer!r}: two have "
                "to agree; let somebody else decide"
            )
        for field, words in (("name", decision.reviewer), ("note", decision.note)):
            unseen = unseen_characters(" ".join(words.split()))
            if unseen:
                raise DecisionRefused(
                    f"expected characters that can be seen in the reviewer's {field}, got {unseen} in it; type it anew"
                )


class CandidatesQuestion(Question, Findings):
    """Which candidates the next round is tuned on, or whether the last one may be published; with what is known."""

    about = "candidates"
    planned_rounds: int
    candidates: CandidatesRecord
    shown: tuple[int, ...]
    """Numbers of the candidates to pick from, in the order of the sheet."""
    chosen_by: str
    """How they were chosen of all, and in which order they come, in words."""
    sheet: Blob
    """The candidates shown, on one numbered contact sheet (WebP)."""

    @property
    def seen_sha256(self) -> str:
        """Of the candidates' table."""
        return self.candidates.table.sha256

    @property
    def title(self) -> str:
        """Where in the onboarding it is asked: "round 1 of 2 planned"."""
        return f"round {self.candidates.round_number} of {self.planned_rounds} planned"

    @property
    def waits_for(self) -> str:
        """What is wanted: a word, or picks of a round."""
        return "a word" if self.is_about_publication else f"picks of round {self.candidates.round_number}"

    @property
    def turn_key(self) -> str:
        """Names the question within its run: by the round, or the findings."""
        return f"publication-{self.digest}" if self.is_about_publication else f"round-{self.candidates.round_number}"

    def check(self, decision: Decision) -> None:
        """Refuse picks that are missing, double, or not among those shown, too."""
        super().check(decision)
        if decision.decision not in NEEDS_PICKS:
            return
        if not decision.picks:
            raise DecisionRefused(
                f"expected at least one pick with {decision.decision!r}, got none; pick images, or answer 'reject'"
            )
        outside = [pick for pick in decision.picks if pick not in self.shown]
        if outside:
            raise DecisionRefused(
                f"expected picks of the {len(self.shown)} images shown, got {outside}; use their numbers"
            )
        twice = sorted({pick for pick in decision.picks if decision.picks.count(pick) > 1})
        if twice:
            raise DecisionRefused(f"expected every pick once, got {twice} more than once; remove the copies")

    @property
    def findings(self) -> Findings:
        """Of the round that drew the candidates."""
        return Findings(leak=self.leak, verdict=self.verdict, over_old=self.over_old)


class PhrasesQuestion(Question):
    """Which phrases round 1 is tuned on, where the spec leaves some out; with what the base's scorer proposes."""

    about = "phrases"
    answers: tuple[Answer, ...] = ANSWERS_TO_PHRASES
    left_out: tuple[int, ...]
    """Of which references the content phrase, counted from 1; 0: the style phrase, which all have."""
    proposed: tuple[str, ...]
    """A phrase for each."""

    @property
    def phrases(self) -> tuple[tuple[str, str], ...]:
        """What each of them is, in words, and what is proposed."""
        one = "content phrase" if len(self.references) == 1 else "content phrase of reference {}"
        labels = (one.format(number) if number else "style phrase" for number in self.left_out)
        return tuple(zip(labels, self.proposed, strict=True))

    @property
    def seen_sha256(self) -> str:
        """Of the references and what is proposed for them."""
        seen = [*(example.image.sha256 for example in self.references), *self.left_out, *self.proposed]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    @property
    def title(self) -> str:
        """Where in the onboarding it is asked."""
        return "phrases before round 1"

    @property
    def waits_for(self) -> str:
        """What is wanted: phrases, and those that are proposed."""
        return f"phrases (proposed: {', '.join(self.proposed)})"

    @property
    def turn_key(self) -> str:
        """Names the question within its run, which has one of the kind."""
        return "phrases"

    def check(self, decision: Decision) -> None:
        """Refuse phrases that are missing, or that a spec would refuse, too."""
        super().check(decision)
        if decision.decision == "reject":
            return
        if len(decision.phrases) != len(self.proposed):
            raise DecisionRefused(
                f"expected {len(self.proposed)} phrases, one for each that is proposed, got {len(decision.phrases)}; "
                "confirm or correct each"
            )
        for (label, _), phrase in zip(self.phrases, decision.phrases, strict=True):
            try:
                checked_phrase(phrase)
            except ValueError as error:
                raise DecisionRefused(f"{label}: {error}") from error


AnyQuestion = CandidatesQuestion | PhrasesQuestion
Asked = TypeVar("Asked", bound=Question)


def read_question(document: object) -> AnyQuestion:
    """The question, of its kind, that a form holds.

    Raises:
        ValidationError: if it is none of this release.
    """
    if isinstance(document, dict) and "proposed" in document:
        return PhrasesQuestion.model_validate(document)
    return CandidatesQuestion.model_validate(document)


def in_turn(question: Asked, given: Sequence[Decision], reviewers: int) -> Asked:
    """`question` to whoever is next after those who have `given` their decisions."""
    return question.model_copy(
        update={
            "reviewers": reviewers,
            "answered_by": tuple(one.reviewer for one in given),
            "disagreement": "; ".join(one.in_words for one in given) if len(given) >= reviewers else "",
        }
    )


def _name_key(name: str) -> str:
    return " ".join(name.casefold().split())
