"""The runs of a batch: one deployment run per style, sent in waves and watched until each has settled.

A run has settled when it is final. So has a suspended one, unless reviewers are waited for, and one that was cancelled
long ago and does not end. A style that failed hurts no other. A server that does not answer for a while ends nothing.
If the batch is killed, the runs go on without it; the same batch, started again, finds them by their idempotency keys.
"""

import itertools
import time
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.utilities.urls import url_for
from pydantic_core import from_json

from data.documents.words import shown
from data.errors import PipelineError
from data.records.batch import Batch, BatchStyle, StyleRun
from data.records.questions import AnyQuestion, read_question
from tasks.batches.plan import find_published, in_its_row
from tasks.reporting import log_stage

DEPLOYMENTS = {"style": "onboard-style/default", "subject": "onboard-subject/default"}
POLL_S = 3.0
PATIENCE_S = 900.0
"""How long Prefect's API may not answer before the batch ends; its runs go on without it."""
CANCELLING_S = 600.0
"""How long a run may take to end once it is cancelled: one whose worker is gone never does."""
PAGE = 200
"""Runs that Prefect's API gives at once."""


@task(cache_policy=NO_CACHE)
def run_styles(batch: Batch, wave: int, wait_for_reviewers: bool) -> dict[str, StyleRun]:
    """Start every style that is neither published nor withdrawn, and watch until all have settled.

    At most `wave` styles run or wait for a place at any time, and at most twice as many as the deployments' pool
    and queue let run: the next are waiting when a place gets free, and never so many that the queue starves
    (Prefect issue 19403).

    Raises:
        PipelineError: if a deployment is not registered.
        httpx.HTTPError: if Prefect's API has not answered for `PATIENCE_S`.
    """
    ahead = deque(style for style in batch.styles if style.published is None and not style.withdrawn)
    total, runs, refused = len(ahead), dict[str, FlowRun](), dict[str, StyleRun]()
    with get_client(sync_client=True) as client:
        deployments = {kind: _deployment(client, DEPLOYMENTS[kind]) for kind in {style.spec.kind for style in ahead}}
        at_once = min((_at_once(client, deployment, wave) for deployment in deployments.values()), default=wave)
        said, heard = -1, time.monotonic()
        while True:
            try:
                for name in _refresh(client, runs):
                    del runs[name]
                    refused[name] = StyleRun(state="failed", message="its run was deleted in Prefect", url="")
                while ahead and len(_unsettled(runs.values(), wait_for_reviewers)) < at_once:
                    style = ahead[0]
                    try:
                        runs[style.spec.name] = _start(client, deployments[style.spec.kind].id, batch, style)
                    except Exception as error:  # nothing about a style may end the batch
                        if _is_of_the_server(error):
                            raise
                        refused[style.spec.name] = StyleRun(state="failed", message=_refusal(error), url="")
                    ahead.popleft()
                heard = time.monotonic()
            except httpx.HTTPError as error:
                if not _is_of_the_server(error) or time.monotonic() - heard > PATIENCE_S:
                    raise
                log_stage(f"batch {batch.name}: Prefect does not answer ({in_its_row(error)}); it is asked again")
            moving = len(_unsettled(runs.values(), wait_for_reviewers))
            settled = total - len(ahead) - moving
            if settled != said:
                said = settled
                log_stage(
                    f"batch {batch.name}: {settled} of {total} settled, {moving} under way, {len(ahead)} to be sent"
                )
            if not ahead and not moving:
                return {**refused, **{name: _style_run(client, run) for name, run in runs.items()}}
            time.sleep(POLL_S)


def _deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound as error:
        raise PipelineError(f"expected the deployment {name}, got none; register it: prefect deploy --all") from error


def _at_once(client: SyncPrefectClient, deployment: DeploymentResponse, wave: int) -> int:
    limits: list[int | None] = []
    if deployment.work_pool_name:
        limits.append(client.read_work_pool(deployment.work_pool_name).concurrency_limit)
        if deployment.work_queue_name:
            queue = client.read_work_queue_by_name(deployment.work_queue_name, deployment.work_pool_name)
            limits.append(queue.concurrency_limit)
    return min([wave, *(2 * limit for limit in limits if limit)])


def _start(client: SyncPrefectClient, deployment_id: UUID, batch: Batch, style: BatchStyle) -> FlowRun:
    # An attempt that ended without what is wanted is followed by another one; one under way is found again.
    for attempt in itertools.count(1):
        run = client.create_flow_run_from_deployment(
            deployment_id,
            parameters={"spec": style.spec.model_dump(mode="json")},
            name=style.spec.name,
            tags=[f"batch:{batch.name}"],
            idempotency_key=f"{batch.name}:{style.spec.name}:{style.run_key}:{attempt}",
        )
        if not _is_final(run) or (_is_completed(run) and find_published(style.spec, style.reference_sha256)):
            return run
    raise AssertionError("counting ended")


def _refresh(client: SyncPrefectClient, runs: dict[str, FlowRun]) -> set[str]:
    """Read the states of the runs that are not final, and name those that are gone."""
    names = {run.id: name for name, run in runs.items() if not _is_final(run)}
    found: dict[str, FlowRun] = {}
    for page in _pages(list(names)):
        read = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=page)), limit=PAGE)
        found |= {names[run.id]: run for run in read}
    runs.update(found)
    return set(names.values()) - found.keys()


def _is_of_the_server(error: Exception) -> bool:
    """Whether the server is to blame, not what it was asked."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error
    return isinstance(error, httpx.TransportError)


def _refusal(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"Prefect does not take it: {shown(error.response.text, 500)}"
    return in_its_row(error)


def _pages(ids: Sequence[UUID]) -> Iterable[list[UUID]]:
    return (list(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE))


def _unsettled(runs: Iterable[FlowRun], wait_for_reviewers: bool) -> list[FlowRun]:
    return [
        run for run in runs if not _is_final(run) and not _hangs(run) and (wait_for_reviewers or not _is_waiting(run))
    ]


def _is_final(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()


def _hangs(run: FlowRun) -> bool:
    """Whether it was cancelled longer than `CANCELLING_S` ago and has not ended yet."""
    if run.state is None or not run.state.is_cancelling():
        return False
    return datetime.now(UTC) - run.state.timestamp > timedelta(seconds=CANCELLING_S)


def _is_completed(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_completed()


def _is_waiting(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_paused()


def _style_run(client: SyncPrefectClient, run: FlowRun) -> StyleRun:
    assert run.state is not None
    url = url_for("flow-run", obj_id=run.id) or ""
    if _is_completed(run):
        return StyleRun(state="completed", message="", url=url)
    if _is_waiting(run):
        question = _question(client, run)
        if question is None:
            return StyleRun(state="waiting", message="", url=url, waits_for="an answer")
        verdict = question.findings.verdict if question.is_about_publication else None
        return StyleRun(
            state="waiting",
            message="; ".join(question.findings.doubts.values()),
            url=url,
            waits_for=question.waits_for,
            verdict=verdict.label if verdict else "",
        )
    if _hangs(run):
        message = (
            f"expected it to end, got Cancelling since {run.state.timestamp:%Y-%m-%d %H:%M} UTC: nobody ends it; "
            "set it to Cancelled in the UI, which frees its place"
        )
        return StyleRun(state="failed", message=message, url=url)
    return StyleRun(state="failed", message=shown(f"{run.state.name}: {run.state.message or 'no reason'}"), url=url)


def _question(client: SyncPrefectClient, run: FlowRun) -> AnyQuestion | None:
    """What a suspended run asks, from the form that it waits with; None if it cannot be read."""
    keys = run.state.state_details.run_input_keyset if run.state else None
    try:
        form = from_json(client.read_flow_run_input(run.id, (keys or {})["schema"]))
        return read_question(form["question"])
    except (
        KeyError,
        TypeError,
        ValueError,
        PrefectHTTPStatusError,
    ):  # answered meanwhile, or asked by an older release
        return None
