"""Asking a person for phrases, which candidates to keep, how to go on, and whether a doubtful style may be published.

A deployed run is suspended: no process, no memory and no accelerator are held while it waits. A run
from a terminal, which nothing could start again, is paused.

What counts is the decision in the store, written as soon as the answer comes and looked up before asking: a retry,
or a run with the same candidates, never asks twice. Where two reviewers have to agree, each is asked in turn and
both decisions are kept; if they agree on nothing, a third person is asked. Without an answer to exactly the
candidates at hand there is no decision: whatever made the run go on, the question is asked again.

Doubts about the last round are asked about in the same way: a leak, a style that is not learnt, or a version that is
worse than the one that it rebuilds. The answer counts for exactly the images that were shown, and for the findings that
stood beside them.
"""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from prefect import runtime
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from pydantic import ConfigDict, ValidationError

from data.errors import StyleRejected
from data.records.feedback import ANSWER_MEANINGS, NEEDS_PICKS, Answer, Decision, SentReply, settle
from data.records.onboarding import CandidatesRecord, Run
from data.records.questions import AnyQuestion, PhrasesQuestion, in_turn
from data.records.scores import EvaluationRecord
from tasks.onboarding.decisions import find_decisions, place_of_candidates, record_decision
from tasks.onboarding.propose_phrases import place_of_phrases, propose_phrases
from tasks.onboarding.show_candidates import last_samples, show_candidates, show_doubts, write_question
from tasks.reporting import log_stage

TERMINAL_TIMEOUT_S = 7 * 24 * 3600


class ReviewAnswer(SentReply, RunInput):
    """The form a reviewer fills in."""


def ask_for_phrases(run: Run) -> Decision:
    """The decision on the phrases that the spec leaves out: from the store, or else from a person.

    Raises:
        StyleRejected: if it is "reject".
    """
    place = place_of_phrases(run.spec, run.reference_sha256)
    return _unless_rejected(run, "the phrases", _decided(run, place, lambda: propose_phrases(run)))


def ask_reviewer(run: Run, candidates: CandidatesRecord) -> Decision:
    """The decision on `candidates`: from the store, or else from a person, who is asked until it can be used.

    Raises:
        StyleRejected: if it is "reject".
    """
    place = place_of_candidates(run, candidates)
    decision = _decided(run, place, lambda: show_candidates(run, candidates))
    return _unless_rejected(run, f"the candidates of round {candidates.round_number}", decision)


def ask_for_waiver(run: Run, evaluation: EvaluationRecord) -> Decision | None:
    """A person's word that the last round may be published, or None if none is needed: there are no doubts.

    What was said of an earlier round's candidates does not count: the last round may leak more, or have learnt less.

    Raises:
        StyleRejected: if it may not.
    """
    findings = evaluation.findings
    if not findings.doubts:
        return None
    samples = last_samples(run, evaluation)
    place = place_of_candidates(run, samples, findings)
    decision = _decided(run, place, lambda: show_doubts(run, evaluation))
    return _unless_rejected(run, f"the candidates of round {samples.round_number}", decision)


def _decided(run: Run, place: str, show: Callable[[], AnyQuestion]) -> Decision:
    """The decision that counts among those in the store; until there is one, ask the next person what `show` makes."""
    while True:
        given = find_decisions(run, place)
        decision = settle(given, run.spec.reviewers)
        if decision is not None:
            return decision
        _ask(run, place, in_turn(show(), given, run.spec.reviewers))


def _unless_rejected(run: Run, what: str, decision: Decision) -> Decision:
    if decision.decision == "reject":
        raise StyleRejected(
            f"{decision.reviewer} rejected {what} of {run.spec.name!r} "
            f"at {decision.decided_at:%Y-%m-%d %H:%M} UTC{f' ({decision.note})' if decision.note else ''}: "
            "nothing is published; change the spec (another seed is enough) to start anew"
        )
    return decision


def rounds_wanted(decision: Decision, tuned: int) -> int:
    """How many rounds there are to be in all, with `tuned` of them done: a reviewer ends early or goes on longer."""
    return tuned + 2 if decision.decision == "another round" else tuned + 1


def _ask(run: Run, place: str, question: AnyQuestion) -> None:
    """Ask until there is an answer that can be used; it is in the store at `place` then."""
    refusal = ""
    for number in itertools.count(1):
        answer = _wait_for_answer(question.model_copy(update={"refusal": refusal}), number)
        if answer is None:
            refusal = "the run went on without an answer, so it is asked again"
            continue
        refusal = record_decision(
            run,
            place,
            question,
            Decision(
                decision=answer.decision,
                reviewer=answer.reviewer,
                decided_at=datetime.now(UTC),
                picks=answer.picks,
                candidates_sha256=answer.candidates,
                note=answer.note,
                phrases=answer.phrases if answer.decision == "confirm" else (),
                proposed=question.proposed if isinstance(question, PhrasesQuestion) else (),
                **dict(question.findings),
            ),
        )
        if not refusal:
            return


def _wait_for_answer(question: AnyQuestion, number: int) -> ReviewAnswer | None:
    form = _form(question, write_question(question))
    # The key makes a run that is started again find the answer to the same question.
    turn = f"-reviewer-{len(question.answered_by) + 1}" if question.answered_by else ""
    key = f"{question.turn_key}{turn}-question-{number}"
    try:
        if runtime.deployment.id is None:
            log_stage(
                f"waiting for a reviewer: styledrop-review-terminal show {runtime.flow_run.id}"
                f"{f' ({question.refusal})' if question.refusal else ''}"
            )
            return pause_flow_run(wait_for_input=form, timeout=TERMINAL_TIMEOUT_S, poll_interval=2, key=key)
        return suspend_flow_run(wait_for_input=form, timeout=None, key=key)  # for days, if need be
    except ValidationError:  # somebody forced the run to go on: there is no answer, and none is made up
        return None


def _form(question: AnyQuestion, words: str) -> type[ReviewAnswer]:
    """The form whose JSON schema admits nothing but answers to `question`: Prefect refuses others before it resumes.

    Only the schema is narrower. An answer that was given before the candidates changed can still be read, and
    refused in words.

    `words`, with the pictures, describe its first field: Prefect's page squeezes the description of a whole form
    to nothing when the fields need the window's height.
    """

    def narrow(schema: dict[str, Any]) -> None:
        fields = schema["properties"]
        meanings = " ".join(f"{answer}: {ANSWER_MEANINGS[answer]}." for answer in question.answers)
        fields["decision"] |= {"enum": list(question.answers), "description": meanings}
        fields["reviewer"] |= {"minLength": 1, "pattern": r"\S"}
        fields["candidates"] |= {"enum": [question.seen_sha256], "default": question.seen_sha256}
        if isinstance(question, PhrasesQuestion):
            del fields["picks"]
            fields["phrases"] |= {"description": words, "default": list(question.proposed)}
            _require(schema, ("confirm",), "phrases", len(question.proposed))
        else:
            del fields["phrases"]
            fields["picks"] |= {
                "description": words,
                # As words: Prefect's page shows the number 0 as nothing, and 1041 as 1,041.
                "items": {"type": "string", "enum": [str(number) for number in question.shown]},
                "uniqueItems": True,
            }
            _require(schema, NEEDS_PICKS, "picks", 1)
        schema["question"] = question.model_dump(mode="json")

    class Narrowed(ReviewAnswer):
        model_config = ConfigDict(title="ReviewAnswer", json_schema_extra=narrow)

    return Narrowed


def _require(schema: dict[str, Any], answers: Sequence[Answer], field: str, count: int) -> None:
    """Demand at least `count` of a field with these answers."""
    schema["if"] = {"properties": {"decision": {"enum": list(answers)}}}
    schema["then"] = {"properties": {field: {"minItems": count}}, "required": [field]}
