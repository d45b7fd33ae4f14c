"""Asking a person which candidates to keep.

A deployed run is suspended: no process, no memory and no accelerator are held while it waits. A run
from a terminal, which nothing could start again, is paused.

What counts is the decision in the store, written as soon as the answer comes and looked up before
asking: a retry, or the same spec run again, never asks twice.
"""

import sys
from typing import Literal

from prefect import runtime
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from data.errors import StyleRejected
from data.records import CandidatesRecord, Decision, Run
from tasks.give_feedback import find_decision, record_decision, show_candidates

TERMINAL_TIMEOUT_S = 7 * 24 * 3600


class ReviewAnswer(RunInput):
    """The form a reviewer fills in."""

    # No default: an answer that is missing must never become "approve".
    decision: Literal["approve", "reject"] = Field(description="reject: nothing is published")
    reviewer: str = Field(min_length=1, description="who decides")
    picks: list[int] = Field(default=[], description="numbers of the images the next round is tuned on")
    note: str = Field(default="", description="kept with the decision")


def ask_reviewer(run: Run, candidates: CandidatesRecord) -> Decision:
    """The decision on `candidates`: from the store, or else from a person, who is asked until it can be used.

    Raises:
        StyleRejected: if it is "reject".
    """
    decision = find_decision(run, candidates)
    if decision is None:
        show_candidates(run, candidates)
    refusal, question = "", 0
    while decision is None:
        question += 1
        answer = _wait_for_answer(run, candidates, question, refusal)
        answered = record_decision(run, candidates, answer.decision, answer.reviewer, answer.picks, answer.note)
        decision, refusal = answered.decision, answered.refusal
    if decision.decision == "reject":
        raise StyleRejected(
            f"{decision.reviewer} rejected the candidates of round {candidates.round_number} of {run.spec.name!r} "
            f"at {decision.decided_at:%Y-%m-%d %H:%M} UTC{f' ({decision.note})' if decision.note else ''}: "
            "nothing is published; change the spec (another seed is enough) to start anew"
        )
    return decision


def _wait_for_answer(run: Run, candidates: CandidatesRecord, question: int, refusal: str) -> ReviewAnswer:
    form = ReviewAnswer.with_initial_data(
        description=f"{f'**{refusal}**' if refusal else ''}\n\n"
        f"Style {run.spec.name!r}, round {candidates.round_number}: pick from images 0 to {candidates.count - 1}. "
        "They are in this run's artifacts, numbered."
    )
    # The key makes a run that is started again find the answer to the same question.
    key = f"round-{candidates.round_number}-question-{question}"
    if runtime.deployment.id is None:
        print(
            f"waiting for a reviewer to resume flow run {runtime.flow_run.id}; {refusal or 'no answer yet'}",
            file=sys.stderr,
        )
        return pause_flow_run(wait_for_input=form, timeout=TERMINAL_TIMEOUT_S, poll_interval=2, key=key)
    return suspend_flow_run(wait_for_input=form, key=key)
