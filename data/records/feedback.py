"""Questions to a reviewer, the answers that they admit, and which candidates were kept.

A person is asked about candidates of a round, about the last one if there are doubts about it, and before the first
about phrases that the spec leaves out and the base's scorer proposed.

The rule for answers stands here, since tasks and the review page both check them.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import ConfigDict

from data.documents.spec import MAX_ROUNDS, Feedback
from data.documents.words import checked_phrase, unseen_characters
from data.errors import DecisionRefused
from data.records.onboarding import CandidatesRecord, Example, NearStyle, TuningExamples
from data.records.record import Blob, Record, Sha256
from data.records.scores import Findings

Answer = Literal["approve", "another round", "publish", "confirm", "reject"]

ANSWER_MEANINGS: dict[Answer, str] = {
    "approve": "tune the next round on the picks and publish it",
    "another round": "tune the next round on the picks and ask about its candidates",
    "publish": "publish what is tuned already, whatever is said against it",
    "confirm": "tune the first round on these phrases",
    "reject": "publish nothing",
}
"""What a reviewer's answer does."""

NEEDS_PICKS: tuple[Answer, ...] = ("approve", "another round")

ANSWERS_TO_DOUBTS: tuple[Answer, ...] = ("publish", "reject")
"""What can be said of the last round if there are doubts about it."""


ANSWERS_TO_PHRASES: tuple[Answer, ...] = ("confirm", "reject")
"""What can be said of phrases that were proposed; who confirms says what they shall be."""


class Question(Record):
    """What a reviewer is asked, of whatever kind. It travels in the form, so that a page can show it too."""

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


class CandidatesQuestion(Question, Findings):
    """Which candidates the next round is tuned on, or whether the last one may be published; with what is known."""

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

    def check(self, decision: "Decision") -> None:
        """See `check_decision`."""
        check_decision(decision, self.candidates, self.shown, self.answers, self.answered_by)

    @property
    def findings(self) -> Findings:
        """Of the round that drew the candidates."""
        return Findings(leak=self.leak, verdict=self.verdict, over_old=self.over_old)


class PhrasesQuestion(Question):
    """Which phrases round 1 is tuned on, where the spec leaves some out; with what the base's scorer proposes."""

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

    def check(self, decision: "Decision") -> None:
        """Refuse an answer to other proposals, by nobody or somebody again, or with what a spec would refuse."""
        if decision.candidates_sha256 != self.seen_sha256:
            raise DecisionRefused(
                f"expected a decision on phrases {self.seen_sha256[:12]}, got one on "
                f"{decision.candidates_sha256[:12]}: they have changed; look at the new ones and decide again"
            )
        if decision.decision not in self.answers:
            raise DecisionRefused(
                f"expected one of {list(self.answers)} of phrases before round 1, got {decision.decision!r}"
            )
        _check_reviewer(decision, self.answered_by)
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


class Decision(Findings):
    """A reviewer's answer, with what was known when it was given: what is kept in the store, and what counts."""

    decision: Answer
    reviewer: str
    decided_at: datetime
    picks: tuple[int, ...]
    candidates_sha256: Sha256
    """Of what was looked at: the candidates' table, or what was proposed."""
    note: str
    phrases: tuple[str, ...] = ()
    """What each proposed phrase shall be, if it is about phrases."""
    proposed: tuple[str, ...] = ()
    rests_on: tuple["Decision", ...] = ()
    """What each reviewer said, in turn, where two had to agree; empty in a reviewer's own answer."""

    @property
    def in_words(self) -> str:
        """Who said what."""
        picks = f", picks {', '.join(str(pick) for pick in sorted(self.picks))}" if self.picks else ""
        phrases = f" {', '.join(repr(phrase) for phrase in self.phrases)}" if self.phrases else ""
        return f"{self.reviewer}: {self.decision}{picks}{phrases}{f' ({self.note})' if self.note else ''}"


class FeedbackRecord(Record):
    """Which candidates of a round were kept, and by whom.

    It is published: fields of other releases are passed over.
    """

    model_config = ConfigDict(extra="ignore")

    round_number: int
    source: Feedback
    kept: tuple[int, ...]
    """Their numbers."""
    table: Blob
    """All candidates."""
    decision: Decision | None

    @property
    def examples(self) -> TuningExamples:
        """What the next round is tuned on: the kept candidates, as they were drawn."""
        return TuningExamples(table=self.table, rows=self.kept)


def possible_answers(round_number: int) -> tuple[Answer, ...]:
    """What can be said of the candidates of round `round_number`: another round only if one more may follow it."""
    return ("approve", "another round", "reject") if round_number + 2 <= MAX_ROUNDS else ("approve", "reject")


def settle(given: Sequence[Decision], reviewers: int) -> Decision | None:
    """What counts of the decisions that were `given` in turn; None if another person has to be asked.

    One reviewer's decision counts as it is. Two agree if both say the same, on what both picked or in the same phrases;
    if one approves and one wants another round, there is another round. If they agree on nothing, a third person's
    decision counts.
    """
    if len(given) < reviewers:
        return None
    if reviewers == 1:
        return given[0]
    if len(given) > reviewers:
        return given[reviewers].model_copy(update={"rests_on": tuple(given)})
    first, second = given
    picks = tuple(pick for pick in first.picks if pick in second.picks)
    said = {first.decision, second.decision}
    if said <= set(NEEDS_PICKS):
        if not picks:
            return None
        decision: Answer = "approve" if said == {"approve"} else "another round"
    elif len(said) == 1 and first.phrases == second.phrases:
        decision, picks = first.decision, ()
    else:
        return None
    return Decision(
        decision=decision,
        reviewer=f"{first.reviewer} and {second.reviewer}",
        decided_at=second.decided_at,
        picks=picks,
        candidates_sha256=first.candidates_sha256,
        note="; ".join(one.in_words for one in given if one.note),
        phrases=first.phrases,
        proposed=first.proposed,
        leak=second.leak,
        verdict=second.verdict,
        over_old=second.over_old,
        rests_on=tuple(given),
    )


def in_turn(question: Asked, given: Sequence[Decision], reviewers: int) -> Asked:
    """`question` to whoever is next after those who have `given` their decisions."""
    return question.model_copy(
        update={
            "reviewers": reviewers,
            "answered_by": tuple(one.reviewer for one in given),
            "disagreement": "; ".join(one.in_words for one in given) if len(given) >= reviewers else "",
        }
    )


def check_decision(
    decision: Decision,
    candidates: CandidatesRecord,
    shown: Collection[int],
    answers: Collection[Answer],
    answered_by: Collection[str] = (),
) -> None:
    """Refuse an answer that cannot be acted on.

    Raises:
        DecisionRefused: if picks are missing, not among those `shown` or double, or if the decision was made
            on other candidates, by nobody or by one who has answered already, or is not among the `answers` to choose
            from.
    """
    if decision.candidates_sha256 != candidates.table.sha256:
        raise DecisionRefused(
            f"expected a decision on candidates {candidates.table.sha256[:12]}, got one on "
            f"{decision.candidates_sha256[:12]}: they have changed; look at the new ones and decide again"
        )
    if decision.decision not in answers:
        raise DecisionRefused(
            f"expected one of {list(answers)} after round {candidates.round_number}, got {decision.decision!r}; there "
            f"are at most {MAX_ROUNDS} rounds, and only what is tuned already can be published as it is"
        )
    _check_reviewer(decision, answered_by)
    if decision.decision not in NEEDS_PICKS:
        return
    if not decision.picks:
        raise DecisionRefused(
            f"expected at least one pick with {decision.decision!r}, got none; pick images, or answer 'reject'"
        )
    outside = [pick for pick in decision.picks if pick not in shown]
    if outside:
        raise DecisionRefused(f"expected picks of the {len(shown)} images shown, got {outside}; use their numbers")
    twice = sorted({pick for pick in decision.picks if decision.picks.count(pick) > 1})
    if twice:
        raise DecisionRefused(f"expected every pick once, got {twice} more than once; remove the copies")


def _check_reviewer(decision: Decision, answered_by: Collection[str]) -> None:
    if not decision.reviewer.strip():
        raise DecisionRefused("expected the reviewer's name, got an empty one; say who decides")
    if _name_key(decision.reviewer) in {_name_key(name) for name in answered_by}:
        raise DecisionRefused(
            f"expected another reviewer than {' and '.join(answered_by)}, got {decision.reviewer!r}: two have to "
            "agree; let somebody else decide"
        )
    for field, words in (("name", decision.reviewer), ("note", decision.note)):
        unseen = unseen_characters(" ".join(words.split()))
        if unseen:
            raise DecisionRefused(
                f"expected characters that can be seen in the reviewer's {field}, got {unseen} in it; type it anew"
            )


def _name_key(name: str) -> str:
    return " ".join(name.casefold().split())
