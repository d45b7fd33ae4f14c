"""Open questions and their answers, over the Prefect API.

An answer is checked before it is sent, so that a wrong one never reaches the run, and checked again by
Prefect (the form's schema) and by the run. What counts in the end is the decision in the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from pydantic import ValidationError
from pydantic_core import from_json

from data.documents.words import shown
from data.errors import DecisionRefused, NotWaiting, PipelineError, QuestionUnreadable
from data.parsing import problem_in
from data.records.feedback import Answer, Decision
from data.records.questions import AnyQuestion, CandidatesQuestion, PhrasesQuestion, read_question
from data.records.record import Blob
from data.store.candidates import Candidate, from_parquet
from data.store.files import Store

PAGE = 200
"""Flow runs the API gives at once."""

PAUSED = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])))
"""Runs that wait, among them all with an open question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A run with an open question."""

    run_id: UUID
    run_name: str
    since: datetime
    is_suspended: bool
    """False for a run in somebody's terminal, which goes on only if that is still open."""
    question: AnyQuestion


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """A run that waits, whose question cannot be shown here."""

    run_id: UUID
    run_name: str
    since: datetime
    reason: str


def list_all() -> list[Waiting | Unreadable]:
    """All runs with an open question, the longest waiting first; one that cannot be shown hides no other."""
    runs: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        while len(page := client.read_flow_runs(flow_run_filter=PAUSED, limit=PAGE, offset=len(runs))) == PAGE:
            runs += page
        found = [_waiting_or_why_not(client, run) for run in (*runs, *page)]
    return sorted((waiting for waiting in found if waiting), key=lambda waiting: waiting.since)


def find_waiting(run_id: UUID) -> Waiting:
    """The open question of a run.

    Raises:
        NotWaiting: if it has none, with the reason: answered already, over, or no such run.
        QuestionUnreadable: if it has one that cannot be read.
    """
    with get_client(sync_client=True) as client:
        try:
            run = client.read_flow_run(run_id)
        except ObjectNotFound as error:
            raise NotWaiting(f"expected a flow run that waits, got no run {run_id}; list the waiting ones") from error
        waiting = _waiting(client, run)
        if waiting is None:
            raise NotWaiting(
                f"expected {run.name} ({run_id}) to wait for a reviewer, got state {run.state_name}; "
                f"{_last_answer(client, run_id)}"
            )
        return waiting


def shown_candidates(question: CandidatesQuestion) -> list[Candidate]:
    """The candidates to pick from, in the order of the sheet, from the store."""
    rows = _rows(question.store, question.candidates.table)
    return [rows[number] for number in question.shown]


def answer(
    waiting: Waiting,
    decision: Answer,
    *,
    picks: Sequence[int] = (),
    phrases: Sequence[str] = (),
    reviewer: str,
    note: str,
    candidates_sha256: str,
) -> None:
    """Answer an open question and let the run go on; `candidates_sha256` names what was looked at.

    Raises:
        DecisionRefused: if the answer cannot be used; the run still waits.
        NotWaiting: if somebody else was faster.
    """
    given = Decision(
        decision=decision,
        reviewer=reviewer,
        decided_at=datetime.now(UTC),
        picks=tuple(picks),
        candidates_sha256=candidates_sha256,
        note=note,
        phrases=tuple(phrases),
    )
    waiting.question.check(given)
    is_about_phrases = isinstance(waiting.question, PhrasesQuestion)
    form = {
        "decision": decision,
        **({"phrases": [*phrases]} if is_about_phrases else {"picks": [str(pick) for pick in picks]}),  # as it has them
        "reviewer": reviewer,
        "note": note,
        "candidates": candidates_sha256,
    }
    with get_client(sync_client=True) as client:
        result = client.resume_flow_run(waiting.run_id, run_input=form)
        if result.status == SetStateStatus.REJECT:
            reason = result.details.model_dump()["reason"]
            raise DecisionRefused(f"Prefect refused the answer, the run still waits: {reason}")
        if result.status != SetStateStatus.ACCEPT:
            raise NotWaiting(
                f"expected {waiting.run_name} to wait still, but it does not; {_last_answer(client, waiting.run_id)}"
            )


def _waiting_or_why_not(client: SyncPrefectClient, run: FlowRun) -> Waiting | Unreadable | None:
    try:
        return _waiting(client, run)
    except Exception as error:  # whatever another release, or nobody, wrote there
        assert run.state is not None  # it is paused
        reason = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
        return Unreadable(run_id=run.id, run_name=run.name, since=run.state.timestamp, reason=shown(reason))


def _waiting(client: SyncPrefectClient, run: FlowRun) -> Waiting | None:
    keys = run.state.state_details.run_input_keyset if run.state and run.state.is_paused() else None
    if run.state is None or not keys:
        return None
    form = _read_input(client, run.id, keys["schema"])
    if not isinstance(form, dict) or "question" not in form:  # another flow's, or about to be written
        return None
    try:
        question = read_question(form["question"])
    except ValidationError as error:
        raise QuestionUnreadable(
            f"expected a question of this release of {run.name} ({run.id}), got one with "
            f"{problem_in(error)}; answer it with the release that asked, or in Prefect's form"
        ) from error
    return Waiting(
        run_id=run.id,
        run_name=run.name,
        since=run.state.timestamp,
        is_suspended=run.state.name == "Suspended",
        question=question,
    )


def _last_answer(client: SyncPrefectClient, run_id: UUID) -> str:
    inputs = client.filter_flow_run_input(run_id, key_prefix="", limit=PAGE, exclude_keys=set())
    answers = [given.decoded_value for given in inputs if given.key.endswith("-response")]
    if not answers:
        return "nobody has answered it; if it has only just stopped, try again in a moment"
    return f"it was answered already: {answers[-1].get('decision')!r} by {answers[-1].get('reviewer')}"


def _read_input(client: SyncPrefectClient, run_id: UUID, key: str) -> object:
    try:
        return from_json(client.read_flow_run_input(run_id, key))
    except PrefectHTTPStatusError as error:
        if error.response.status_code == 404:
            return {}
        raise


@lru_cache(maxsize=2)
def _rows(store: str, table: Blob) -> list[Candidate]:
    return from_parquet(Store(store).read_blob(table))
