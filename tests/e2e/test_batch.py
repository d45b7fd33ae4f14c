"""A batch on the stack of `make up`: good rows, broken rows, reviewers who answer after a crash.

Small by default. All of it (12 rows: two broken, four with human feedback):

    STYLEDROP_WHOLE_BATCH=1 python -m pytest tests/e2e/test_batch.py
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from s3fs import S3FileSystem

from data.records.feedback import FeedbackRecord
from data.store.files import Store
from infra.processes import Started, marked, wait_until
from infra.stack import MARK
from review.waiting import answer
from tests.reviewer import list_waiting

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
CLIP, HUMAN, BROKEN = (6, 4, 2) if os.environ.get("STYLEDROP_WHOLE_BATCH") else (1, 1, 2)
PATIENCE_S = 900.0


class LocalStack:
    """The stack in a folder, by its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "infra.stack", "--folder", str(self.folder), *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def environment(self) -> dict[str, str]:
        lines = (line.removeprefix("export ").partition("=") for line in self.run("env").splitlines())
        return {name: value.strip("'") for name, _, value in lines}

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "state.json").read_text()))

    def keeper(self, part: str) -> psutil.Process:
        found = Started.model_validate(self.state()["parts"][part]).find()
        assert found is not None
        return found

    def runs(self) -> list[psutil.Process]:
        """What the worker has started and what still runs."""
        keepers = {self.keeper(part).pid for part in self.state()["parts"]}
        servers = {child.pid for keeper in keepers for child in psutil.Process(keeper).children(recursive=True)}
        worker = {child.pid for child in self.keeper("worker").children()}
        servers -= {child.pid for pid in worker for child in psutil.Process(pid).children(recursive=True)}
        return [process for process in marked(MARK, self.state()["mark"]) if process.pid not in keepers | servers]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStack]:
    # Not in pytest's own folder: it closes that to other users again whenever another pytest starts, and as root,
    # PostgreSQL is another user.
    folder = Path(tempfile.mkdtemp(prefix="styledrop-stack-"))
    stack = LocalStack(folder)
    try:
        stack.run("up", "--limit", "2")
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        S3FileSystem.clear_instance_cache()
        yield stack
    finally:
        stack.run("down")
        S3FileSystem.clear_instance_cache()
        shutil.rmtree(folder)


@pytest.fixture
def client(stack: LocalStack) -> Iterator[SyncPrefectClient]:
    settings = {PREFECT_API_URL: os.environ["PREFECT_API_URL"], PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(settings), get_client(sync_client=True) as client:
        yield client


def settle(client: SyncPrefectClient, run: FlowRun, *, states: set[StateType]) -> FlowRun:
    wait_until(lambda: client.read_flow_run(run.id).state_type in states, PATIENCE_S, f"{run.name} settles")
    return client.read_flow_run(run.id)


def run_batch(client: SyncPrefectClient, manifest_uri: str, settings: dict[str, Any]) -> FlowRun:
    deployment = client.read_deployment_by_name("onboard-batch/default")
    run = client.create_flow_run_from_deployment(
        deployment.id, parameters={"manifest_uri": manifest_uri, "settings": settings}
    )
    return settle(client, run, states={StateType.COMPLETED, StateType.FAILED, StateType.CRASHED})


def style_runs(client: SyncPrefectClient) -> list[FlowRun]:
    return [run for run in client.read_flow_runs(limit=200) if "batch:monday" in run.tags]


def report(client: SyncPrefectClient, store: Store) -> list[dict[str, Any]]:
    """The Parquet report that the newest table artifact names."""
    artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["batch-monday"])))
    newest = max(artifacts, key=lambda artifact: artifact.updated)
    uri = str(newest.description).rpartition(" ")[2]
    rows = pq.read_table(io.BytesIO(store.read(uri.removeprefix(f"{store.uri}/")))).to_pylist()
    assert [row["style"] for row in json.loads(str(newest.data))] == [row["name"] for row in rows]
    return rows


def versions(store: Store) -> Counter[str]:
    """How many versions of each style are published."""
    folders = {tuple(key.split("/")[1:4]) for key in store.list("styles") if "/versions/" in key}
    return Counter(folder[0] for folder in folders)


def test_a_batch_survives_broken_rows_slow_reviewers_and_a_crash(
    spec_document: dict[str, Any],
    learnt_document: dict[str, Any],
    reference: Path,
    stack: LocalStack,
    client: SyncPrefectClient,
) -> None:
    store = Store("s3://styles")
    store.write_new("batches/disc.png", reference.read_bytes())
    store.write_new("batches/broken.png", reference.read_bytes()[:100])
    row = {
        "images": "disc.png",
        "content_phrase": "a disc",
        "style_phrase": "in flat style",
        "licence": "CC0-1.0",
        "consent": "own work",
    }
    clip = [{**row, "name": f"clip-{number}", "rounds": 1} for number in range(CLIP)]
    learnt = {name: value for name, value in learnt_document.items() if value != spec_document[name]}
    human = [{**row, **learnt, "name": f"human-{number}", "feedback": "human"} for number in range(HUMAN)]
    broken = [{**row, "name": "torn", "images": "broken.png"}, {**row, "name": "unasked", "consent": ""}]
    assert len(broken) == BROKEN
    rows = [broken[0], *clip, *human, broken[1]]
    store.write_new("batches/monday.yaml", yaml.safe_dump(rows).encode())
    settings = {name: value for name, value in spec_document.items() if name not in {"name", "references", *row}}
    settings["store"] = store.uri

    # Ten go on, two are named.
    first = run_batch(client, "s3://styles/batches/monday.yaml", settings)
    assert first.state is not None and "BatchIncomplete" in str(first.state.message), first.state
    assert f"row 1 (torn): expected a whole image at {store.uri}/batches/broken.png" in str(first.state.message)
    assert f"row {len(rows)} (unasked): consent: expected a value, got none" in str(first.state.message)
    became = {row["name"]: row for row in report(client, store)}
    assert list(became) == [row["name"] for row in rows]
    assert Counter(row["state"] for row in became.values()) == {"waiting": CLIP + HUMAN, "bad row": BROKEN}
    assert all(became[row["name"]]["waits_for"] == "picks of round 1" for row in human)
    for row in clip:  # of a base of random weights nothing is learnt
        waits = became[row["name"]]
        assert (waits["waits_for"], waits["verdict"]) == ("a word", "not learnt")
        assert waits["reason"].startswith("not learnt: Style ")
    assert versions(store) == {}
    assert len(style_runs(client)) == CLIP + HUMAN

    # Those that wait hold no process.
    wait_until(lambda: not stack.runs(), PATIENCE_S, "no run's process is alive")
    assert Counter(run.state_name for run in style_runs(client)) == {"Suspended": CLIP + HUMAN}

    # Worker and server are killed, and come again.
    killed = [stack.keeper(part).children()[0] for part in ("worker", "server")]
    for process in killed:
        process.kill()
    before = stack.state()["parts"]
    stack.run("up", "--limit", "2")
    assert stack.state()["parts"] == before, "what kept them running was not started again"
    assert not any(process.is_running() for process in killed)
    stack.run("status")

    # All are answered.
    waiting = list_waiting()
    assert sorted(question.question.style for question in waiting) == [row["name"] for row in (*clip, *human)]
    for question in waiting:
        answer(
            question, "approve" if "approve" in question.question.answers else "publish",
            picks=question.question.shown[:2], reviewer="Ada", note="",
            candidates_sha256=question.question.candidates.table.sha256,
        )  # fmt: skip

    # What was tuned on a person's picks is learnt, so nobody is asked about it.
    for run in style_runs(client):
        assert settle(client, run, states={StateType.COMPLETED, StateType.FAILED}).state_type == StateType.COMPLETED
    assert versions(store) == {row["name"]: 1 for row in (*clip, *human)}, "each is published exactly once"
    for question in (question for question in waiting if question.question.style.startswith("human")):
        [key] = [key for key in store.list(f"styles/{question.question.style}") if key.endswith("round-1.json")]
        assert FeedbackRecord.model_validate_json(store.read(key)).kept == tuple(sorted(question.question.shown[:2]))

    # The same batch again starts nothing.
    again = run_batch(client, "s3://styles/batches/monday.yaml", settings)
    assert again.state is not None and "BatchIncomplete" in str(again.state.message), again.state
    assert len(style_runs(client)) == CLIP + HUMAN
    became = {row["name"]: row for row in report(client, store)}
    assert all(became[row["name"]]["text_after"] is not None for row in (*clip, *human))
    states = Counter(row["state"] for row in became.values())
    assert states == {"published before": CLIP + HUMAN, "bad row": BROKEN}
    assert versions(store) == {row["name"]: 1 for row in (*clip, *human)}

    # `down` ends all of it.
    mark = stack.state()["mark"]
    stack.run("down")
    assert marked(MARK, mark) == []
