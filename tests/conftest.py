"""What the tests of tasks, flows and whole runs share: a tiny base, a style reference, a Prefect server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypothesis
import pytest

from bench.smallest import draw_reference, learnable_settings, smallest_settings, smallest_style
from tests.processes import end, free_port, wait_until

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from data.records.onboarding import Run

REPOSITORY = Path(__file__).parents[1]

# Read by Prefect and torch when they are imported, so before any test module is.
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["STYLEDROP_DEVICE"] = "cpu"
os.environ["OMP_NUM_THREADS"] = "1"  # tiny tensors: threads only wait for each other, long ones on a busy machine

# What is tried by chance may take its time: the first text of a fresh checkout needs seconds for Unicode's tables.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, by what it asks for: `make check` leaves these out.

    The longest file comes first: it mostly waits, and the other process does the rest beside it.
    """
    items.sort(key=lambda item: item.path.name != "test_batch.py")
    for item in items:
        if isinstance(item, pytest.Function) and "prefect_environment" in item.fixturenames:
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def tiny_base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of random weights that costs milliseconds."""
    from bench.tiny_base import save_tiny_base  # tests of data alone need no torch

    folder = tmp_path_factory.mktemp("base") / "tiny"
    save_tiny_base(folder)
    return folder


@pytest.fixture(scope="session")
def other_base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another base, of other random weights, which says how it is tuned and sampled."""
    from bench.tiny_base import save_tiny_base

    folder = tmp_path_factory.mktemp("base") / "other"
    save_tiny_base(folder, seed=1)
    tuned = {"steps": 4, "learning_rate": 1e-3, "batch_size": 2, "bottleneck": 2, "share_across_layers": True}
    sections = {"first_round": tuned, "later_rounds": tuned, "enlarging": tuned, "reference_views": 2}
    defaults = {**sections, "sampling": {"steps": 2}, "guidance": {"lambda_a": 1.5}, "lambdas_a": [0.0, 1.5]}
    (folder / "card.json").write_text(json.dumps({"defaults": defaults}))
    return folder


@pytest.fixture(scope="session")
def learnable_base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base on which every style is learnt, so that none waits for a person's word."""
    from bench.tiny_base import save_learnable_base

    folder = tmp_path_factory.mktemp("base") / "learnable"
    save_learnable_base(folder)
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A blue disc on cream."""
    draw_reference(tmp_path / "reference.png")
    return tmp_path / "reference.png"


@pytest.fixture
def spec_document(tmp_path: Path, reference: Path, tiny_base_folder: Path) -> dict[str, Any]:
    """The smallest spec that goes through everything: two rounds, six candidates, the tiny base."""
    settings = smallest_settings(f"file://{tmp_path}/store", tiny_base_folder)
    return {**smallest_style("disc", str(reference)), **settings}


@pytest.fixture
def human_document(spec_document: dict[str, Any]) -> dict[str, Any]:
    """The same with a person's feedback."""
    return {**spec_document, "feedback": "human"}


@pytest.fixture
def run(spec_document: dict[str, Any]) -> "Run":
    """A run of the smallest spec, before its first task."""
    return _prepared(spec_document)


@pytest.fixture
def human_run(human_document: dict[str, Any]) -> "Run":
    """The same with a person's feedback."""
    return _prepared(human_document)


@pytest.fixture
def learnt_document(tmp_path: Path, reference: Path, learnable_base_folder: Path) -> dict[str, Any]:
    """The same on the base on which it is learnt."""
    settings = learnable_settings(f"file://{tmp_path}/store", learnable_base_folder)
    return {**smallest_style("disc", str(reference)), **settings}


@pytest.fixture(autouse=True)
def work_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Unfinished work of this test alone."""
    monkeypatch.setenv("STYLEDROP_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every style counts as learnt: a base of random weights learns nothing, and publishing that needs a word."""
    from data.records.scores import Verdict

    real = Verdict.of.__func__  # type: ignore[attr-defined]
    as_learnt = {"is_learnt": True}
    monkeypatch.setattr(Verdict, "of", classmethod(lambda cls, *gains: real(cls, *gains).model_copy(update=as_learnt)))


@pytest.fixture(scope="session")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real Prefect server with a home of its own, as the environment of processes that use it."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_CLI_PROMPT": "false",
        "PYTHONPATH": os.pathsep.join(
            path for path in (str(REPOSITORY), str(REPOSITORY / "model"), os.environ.get("PYTHONPATH", "")) if path
        ),
    }
    with open(home / "server.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=environment, cwd=home, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_until(lambda: _is_healthy(environment["PREFECT_API_URL"], server), 600, "the Prefect server answers")
            yield environment
        finally:
            end(server)


@pytest.fixture
def prefect_api(prefect_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This process uses the Prefect server, with results of this test alone; gives its address."""
    from prefect.flow_runs import pause_flow_run
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_LOCAL_STORAGE_PATH,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    # A run that waits for an answer looks for it more often: tests answer at once.
    often = {"poll_interval": 0.2}
    monkeypatch.setattr("flows.human_feedback.pause_flow_run", lambda **asked: pause_flow_run(**{**asked, **often}))
    url = prefect_environment["PREFECT_API_URL"]
    settings = {
        PREFECT_API_URL: url,
        PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results",
        PREFECT_LOGGING_TO_API_ENABLED: False,  # its thread would outlive the server
    }
    with temporary_settings(settings):
        yield url


@pytest.fixture
def prefect_client(prefect_api: str) -> Iterator["SyncPrefectClient"]:
    """A client of the Prefect server."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield client


def _prepared(document: dict[str, Any]) -> "Run":
    from data.documents.style_spec import parse_spec
    from tasks.onboarding.prepare import prepare

    return prepare.fn(parse_spec(document))


def _is_healthy(api_url: str, server: subprocess.Popen[bytes]) -> bool:
    if server.poll() is not None:
        raise RuntimeError(f"the Prefect server ended with {server.returncode}")
    try:
        return httpx.get(f"{api_url}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
