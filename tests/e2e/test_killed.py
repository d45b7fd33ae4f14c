"""Power cut in the middle of round 2: kill -9, then the same command again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.documents.style_spec import parse_spec
from data.store.files import Store
from data.store.publication import current_version
from flows.onboard_style import onboard_style
from styledrop.model_spec import tensors_sha256
from tests.processes import wait_until
from tests.reviewer import person, says

pytestmark = pytest.mark.e2e


def start(spec: dict[str, Any], folder: Path, environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(spec))
    with open(folder / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.onboard_style", "--spec", str(path)],
            env={**environment, "STYLEDROP_WORK": os.environ["STYLEDROP_WORK"]}, stdout=log, stderr=log,
        )  # fmt: skip


def test_a_run_killed_in_round_two_goes_on_from_its_checkpoint_and_publishes_once(
    spec_document: dict[str, Any],
    prefect_environment: dict[str, str],
    prefect_api: str,
    tmp_path: Path,
    work_root: Path,
) -> None:
    # Long enough to be killed, and so slow that nothing is learnt: each waits for a person's word.
    later_rounds = {**spec_document["later_rounds"], "steps": 400, "learning_rate": 1e-5}
    spec = {**spec_document, "later_rounds": later_rounds}
    store = Store(spec["store"])

    first = start(spec, tmp_path, prefect_environment, "first")
    wait_until(
        lambda: list(work_root.glob("*/round-2-*.safetensors")) != [] or first.poll() is not None, 300, "a checkpoint"
    )
    assert first.poll() is None, (tmp_path / "first.log").read_text()
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert store.list("styles") == []

    finished = person(says("publish"), says("publish"))
    second = start(spec, tmp_path, prefect_environment, "second")
    log = tmp_path / "second.log"
    assert second.wait(300) == 0, log.read_text()
    lines = log.read_text().splitlines()
    assert "tune round 2, from its checkpoint: 400/400" in log.read_text()
    assert not [line for line in lines if line.startswith(("tune round 1", "candidates of round 1"))], lines
    published = current_version(store, "disc")
    assert lines[-1] == published.uri
    versions = {key.split("/")[3] for key in store.list("styles/disc/versions")}
    assert versions == {published.version}
    assert list(work_root.iterdir()) == []

    # A run that nobody killed, in this process, comes to the same weights.
    unkilled = onboard_style(parse_spec({**spec, "store": f"file://{tmp_path}/whole"}))
    weights = [tensors_sha256(Store(version.uri).read("adapter.safetensors")) for version in (published, unkilled)]
    assert weights[0] == weights[1]
    finished()
