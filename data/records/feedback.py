"""A question to a reviewer, the answers that it admits, and which candidates were kept.

The rule for answers stands here, since tasks and the review page both check them.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from data.documents.spec import MAX_ROUNDS, Feedback
from data.documents.words import unseen_characters
from data.errors import DecisionRefused
from data.records.onboarding import CandidatesRecord, Example, NearStyle, TuningExamples
from data.records.record import Blob, Record, Sha256
from data.records.scores import Findings

Answer = Literal["approve", "another round", "publish", "reject"]

ANSWER_MEANINGS: dict[Answer, str] = {
    "approve": "tune the next round on the picks and publish it",
    "another round": "tune the next round on the picks and ask about its candidates",
    "publish": "publish what is tuned already, whatever is said against it",
    "reject": "publish nothing",
}
"""What a reviewer's answer does."""

NEEDS_PICKS: tuple[Answer, ...] = ("approve", "another round")

ANSWERS_TO_DOUBTS: tuple[Answer, ...] = ("publish", "reject")
"""What can be said of the last round if there are doubts about it."""


class Question(Findings):
    """What a reviewer is asked, with what is known. It travels in the form, so that a page can show it too."""

    style: str
    planned_rounds: int
    candidates: CandidatesRecord
    shown: tuple[int, ...]
    """Numbers of the candidates to pick from, in the order of the sheet."""
    chosen_by: str
    """How they were chosen of all, and in which order they come, in words."""
    answers: tuple[Answer, ...]
    store: str
    references: tuple[Example, ...]
    sheet: Blob
    """The candidates shown, on one numbered contact sheet (WebP)."""
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
    def key(self) -> str:
        """Names what is asked about: the same candidates, and if they are to be published, the same findings."""
        seen = self.candidates.table.sha256[:16]
        return f"{seen}-{self.digest}" if self.is_about_publication else seen

    @property
    def is_about_publication(self) -> bool:
        """Whether it asks if the last round may be published, not what the next one is tuned on."""
        return "publish" in self.answers

    @property
    def nearest_in_words(self) -> str:
        """As "0.97 like stickies, 0.81 like doodles"."""
        return ", ".join(style.in_words for style in self.nearest) or "none is published"


class Decision(Findings):
    """A reviewer's answer, with what was known when it was given: what is kept in the store, and what counts."""

    decision: Answer
    reviewer: str
    decided_at: datetime
    picks: tuple[int, ...]
    candidates_sha256: Sha256
    note: str
    rests_on: tuple["Decision", ...] = ()
    """What each reviewer said, in turn, where two had to agree; empty in a reviewer's own answer."""

    @property
    def in_words(self) -> str:
        """Who said what."""
        picks = f", picks {', '.join(str(pick) for pick in sorted(self.picks))}" if self.picks else ""
        return f"{self.reviewer}: {self.decision}{picks}{f' ({self.note})' if self.note else ''}"


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

    One reviewer's decision counts as it is. Two agree if both say the same, on what both picked; if one approves and
    one wants another round, there is another round. If they agree on nothing, a third person's decision counts.
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
    elif len(said) == 1:
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
        leak=second.leak,
        verdict=second.verdict,
        over_old=second.over_old,
        rests_on=tuple(given),
    )


def in_turn(question: Question, given: Sequence[Decision], reviewers: int) -> Question:
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


def _name_key(name: str) -> str:
    return " ".join(name.casefold().split())
