"""Reviewers' answers, what counts of them, and which candidates were kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from data.documents.spec import MAX_ROUNDS, Feedback
from data.records.onboarding import TuningExamples
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
