"""Reviewers' answers, what counts of them, and which candidates were kept.

The rule for answers stands here, since tasks and the review page both check them.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from data.documents.spec import MAX_ROUNDS, Feedback
from data.documents.words import unseen_characters
from data.errors import DecisionRefused
from data.records.onboarding import CandidatesRecord, TuningExamples
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


class Reply(BaseModel):
    """What a reviewer says."""

    picks: tuple[int, ...] = Field(default=(), description="numbers of the images the next round is tuned on")
    phrases: tuple[str, ...] = Field(default=(), description="the phrases that the first round is tuned on")
    # No default: an answer that is missing must never become "approve".
    decision: Answer = Field(description="what is to be done")
    reviewer: str = Field(description="who decides")
    note: str = Field(default="", description="kept with the decision")


class SentReply(Reply):
    """A reply as a form sends it."""

    reviewer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        description="who decides"
    )
    note: str = Field(default="", max_length=2000, description="kept with the decision")
    candidates: str = Field(description="what was looked at; leave it as it is")


class Decision(Findings, Reply):
    """A reply with what was known when it was given: what is kept in the store, and what counts."""

    decided_at: datetime
    candidates_sha256: Sha256
    """Of what was looked at: the candidates' table, or what was proposed."""
    proposed: tuple[str, ...] = ()
    """What `phrases` correct or confirm."""
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
    check_reviewer(decision, answered_by)
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


def check_reviewer(decision: Decision, answered_by: Collection[str]) -> None:
    """Refuse an answer by nobody, by one who has answered already, or with characters that cannot be seen.

    Raises:
        DecisionRefused: if it is one.
    """
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
