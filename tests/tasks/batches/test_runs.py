"""What a batch makes of what Prefect says about its runs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock, patch
from uuid import uuid4

import httpx
import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun, State, StateDetails, StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed, Pending, Running, Suspended

from data.documents.style_spec import parse_spec
from data.documents.subject_spec import SubjectSpec
from data.records.batch import Batch, BatchStyle, StyleRun
from data.records.questions import PhrasesQuestion
from data.records.record import Blob
from tasks.batches import runs as batch_runs
from tasks.batches.report import _outcome
from tasks.batches.runs import CANCELLING_S, _refresh, _style_run, run_styles


def test_a_run_that_was_deleted_is_named_and_not_waited_for() -> None:
    kept, gone, done = (FlowRun(id=uuid4(), flow_id=uuid4(), state=state()) for state in (Running, Running, Completed))
    now = kept.model_copy(update={"state": Completed()})
    client = Mock(read_flow_runs=Mock(return_value=[now]))
    runs = {"kept": kept, "gone": gone, "done": done}
    assert _refresh(client, runs) == {"gone"}
    assert runs["kept"] == now and runs["done"] == done


def test_a_run_that_waits_for_phrases_is_reported_with_what_is_proposed() -> None:
    question = PhrasesQuestion(
        style="a", store="memory://s", references=(), left_out=(1, 0), proposed=("moon", "in ink")
    )
    keys = StateDetails(run_input_keyset={"schema": "s", "response": "r", "description": "d"})
    waiting = FlowRun(id=uuid4(), flow_id=uuid4(), state=Suspended(state_details=keys))
    client = Mock(read_flow_run_input=Mock(return_value=json.dumps({"question": question.model_dump(mode="json")})))
    run = _style_run(client, waiting)
    assert (run.state, run.waits_for) == ("waiting", "phrases (proposed: moon, in ink)")


@flow
def started(batch: Batch) -> dict[str, StyleRun]:
    return run_styles(batch, 10, False)


@pytest.fixture
def batch(spec_document: dict[str, object]) -> Batch:
    names = ("one", "two", "three")
    styles = tuple(
        BatchStyle(row=row, spec=parse_spec({**spec_document, "name": name}), reference_sha256=("0" * 64,),
                   run_key=name, published=None)
        for row, name in enumerate(names, 1)
    )  # fmt: skip
    manifest = Blob(uri="memory://m.csv", sha256="0" * 64, size_bytes=0)
    return Batch(name="monday", store="memory://s", manifest=manifest, styles=styles, bad_rows=())


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, prefect_api: str) -> Iterator[Mock]:
    """A batch's view of Prefect: every run that is started has completed when it is looked at next."""
    known: dict[object, FlowRun] = {}

    def start(*_: object, name: str, **__: object) -> FlowRun:
        run = FlowRun(id=uuid4(), flow_id=uuid4(), name=name, state=Pending())
        known[run.id] = run.model_copy(update={"state": Completed()})
        return run

    client = Mock(create_flow_run_from_deployment=Mock(side_effect=start))
    client.read_flow_runs = Mock(side_effect=lambda flow_run_filter, **_: [known[i] for i in flow_run_filter.id.any_])
    monkeypatch.setattr(batch_runs, "POLL_S", 0.0)
    with (
        patch.object(batch_runs, "_deployment", return_value=Mock(work_pool_name=None)),
        patch.object(batch_runs, "get_client") as opened,
    ):
        opened.return_value.__enter__.return_value = client
        yield client


def refused(status: int) -> PrefectHTTPStatusError:
    response = httpx.Response(status, text="no\x00 luck", request=httpx.Request("POST", "http://prefect"))
    return PrefectHTTPStatusError("no luck", request=response.request, response=response)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (refused(422), "Prefect does not take it: no\\u0000 luck"),
        (KeyError("nobody thought\nof it"), "KeyError: 'nobody thought\\nof it'"),
    ],
)
def test_what_is_wrong_with_one_style_fails_that_style_alone(
    error: Exception, message: str, batch: Batch, served: Mock
) -> None:
    start = served.create_flow_run_from_deployment.side_effect
    served.create_flow_run_from_deployment.side_effect = lambda *a, name, **b: (
        start(name=name) if name != "two" else (_ for _ in ()).throw(error)
    )
    found = started(batch)
    assert {name: run.state for name, run in found.items()} == {
        "one": "completed", "two": "failed", "three": "completed",
    }  # fmt: skip
    assert found["two"].message == message


@pytest.mark.parametrize("error", [refused(500), refused(503), httpx.ConnectError("gone"), httpx.ReadTimeout("slow")])
def test_a_server_that_does_not_answer_for_a_moment_ends_no_batch(error: Exception, batch: Batch, served: Mock) -> None:
    start, look = served.create_flow_run_from_deployment.side_effect, served.read_flow_runs.side_effect
    troubles = iter([error, None, error, None, None, None])
    views = iter([error, error])

    def starts_badly(*_: object, name: str, **__: object) -> FlowRun:
        trouble = next(troubles, None)
        if trouble:
            raise trouble
        return start(name=name)

    def looks_badly(**asked: object) -> list[FlowRun]:
        trouble = next(views, None)
        if trouble:
            raise trouble
        return look(**asked)

    served.create_flow_run_from_deployment.side_effect = starts_badly
    served.read_flow_runs.side_effect = looks_badly
    assert {run.state for run in started(batch).values()} == {"completed"}


def test_a_server_that_never_answers_ends_the_batch_after_a_while(
    batch: Batch, served: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_runs, "PATIENCE_S", 0.0)
    served.create_flow_run_from_deployment.side_effect = httpx.ConnectError("gone")
    with pytest.raises(httpx.ConnectError):
        started(batch)


def test_a_subject_runs_by_its_own_deployment(batch: Batch, served: Mock) -> None:
    subject = SubjectSpec.model_validate(
        {"name": "mug", "class_word": "mug", "references": [{"uri": f"{n}.png"} for n in range(3)],
         "licence": "CC0-1.0", "consent": "own work"}
    )  # fmt: skip
    mixed = batch.model_copy(update={"styles": (batch.styles[0].model_copy(update={"spec": subject}), batch.styles[1])})

    def deployment(_: object, name: str) -> Mock:
        return Mock(id=name, work_pool_name=None)

    with patch.object(batch_runs, "_deployment", side_effect=deployment):
        assert {run.state for run in started(mixed).values()} == {"completed"}
    calls = served.create_flow_run_from_deployment.call_args_list
    assert {call.kwargs["name"]: call.args[0] for call in calls} == {
        "mug": "onboard-subject/default", "two": "onboard-style/default",
    }  # fmt: skip


def test_a_run_that_hangs_while_it_is_cancelled_is_a_failed_one(batch: Batch, served: Mock) -> None:
    since = datetime.now(UTC) - timedelta(seconds=CANCELLING_S + 60)
    hanging = State(type=StateType.CANCELLING, name="Cancelling", timestamp=since)
    look = served.read_flow_runs.side_effect
    served.read_flow_runs.side_effect = lambda **asked: [
        run.model_copy(update={"state": hanging}) if run.name == "two" else run for run in look(**asked)
    ]
    found = started(batch)
    assert {name: run.state for name, run in found.items()} == {
        "one": "completed", "two": "failed", "three": "completed",
    }  # fmt: skip
    assert "expected it to end, got Cancelling since" in found["two"].message


def test_nothing_about_a_published_style_leaves_its_row(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.batches.report.find_published", Mock(side_effect=RecursionError("deep")))
    outcome = _outcome(batch.styles[0], StyleRun(state="completed", message="", url=""))
    assert (outcome.state, outcome.reason) == ("failed", "RecursionError: deep")
