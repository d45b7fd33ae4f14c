import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.chaos.onboarding import Onboarding, published_files
from bench.chaos.trial import Trial
from data.store.files import Store
from data.store.publication import publish_version

LINES = """\
run 2d380866244dd8ae of 'disc': references 1, base base on cpu, file:///tmp/store
tune round 1: 29/60 in 2 s, 7 s left, loss 2.941
tune round 1, from its checkpoint: 60/60 in 10 s, loss 2.886
candidates of round 1: 6/6 in 2 s
kept 2 of 6 candidates of round 1 by clip: Text 0.108, of all 0.099
tune round 2: 60/60 in 12 s, loss 2.821
λ_A 0.25: 4/4 in 0 s
λ_A 1.0 of 0.0, 0.25, 0.5, 1.0
evaluation of round 1: 2/2 in 0 s
evaluation of round 2: 2/2 in 1 s
base: Text 0.213 ± 0.002, Style 0.905 ± 0.000
tune super-resolution: 60/60 in 17 s, loss 2.753
super-resolution: 392 parameters tuned, 1 images in file:///tmp/store/a.png
published: file:///tmp/store/styles/disc/versions/bf15f0983f52db12, 1 minutes after the run was opened
""".splitlines()


@pytest.fixture
def onboarding(tmp_path: Path) -> Onboarding:
    tmp_path.joinpath("logs").mkdir()
    return Onboarding(
        context=multiprocessing.get_context("forkserver"), spec={}, logs=tmp_path / "logs", results=tmp_path,
        environment={},
    )  # fmt: skip


def says(onboarding: Onboarding, lines: int, *more: str) -> str:
    (onboarding.logs / f"{onboarding.starts}.log").write_text("\n".join((*LINES[:lines], *more)))
    return onboarding.stage()


@pytest.mark.parametrize(
    ("lines", "stage"),
    [
        (0, "preparation"),
        (2, "round 1"),
        (3, "candidates"),
        (4, "feedback"),
        (5, "round 2"),
        (7, "guidance"),
        (9, "evaluation"),
        (10, "comparison"),
        (12, "super-resolution"),
        (13, "publication"),
        (14, "end"),
    ],
)
def test_a_stage_is_known_by_the_lines_before_it(onboarding: Onboarding, lines: int, stage: str) -> None:
    assert says(onboarding, lines) == stage


@pytest.mark.parametrize(
    ("killed_after", "again", "stage"),
    [(6, 1, "guidance"), (13, 1, "comparison"), (13, 11, "publication"), (13, 0, "preparation")],
)
def test_a_process_that_goes_on_is_where_the_one_before_it_was(
    onboarding: Onboarding, killed_after: int, again: int, stage: str
) -> None:
    onboarding.passed_on()
    says(onboarding, killed_after)
    onboarding.passed_on()
    assert says(onboarding, 0, LINES[0], *LINES[10:again]) == stage if again else says(onboarding, 0) == stage


def publish(store: str, seconds: float, loss: float = 2.5) -> None:
    card = {"name": "disc", "rounds": [{"round": 1, "seconds": seconds, "final_loss": loss}]}
    files = {"card.json": json.dumps(card).encode(), "adapter.safetensors": b"weights"}
    publish_version(Store(store), "disc", files, asked_at=datetime.now(UTC), by="run 1")


def test_two_versions_may_differ_in_the_seconds_that_a_round_took_and_in_nothing_else(tmp_path: Path) -> None:
    stores = [f"file://{tmp_path}/{number}" for number in range(4)]
    for store, (seconds, loss) in zip(stores, [(1.0, 2.5), (2.0, 2.5), (1.0, 2.6), (1.0, 2.5)], strict=True):
        publish(store, seconds, loss)
    publish(stores[3], seconds=2.0)
    trial = Trial(name="test", undisturbed=published_files(stores[0], "disc"))
    for store in (*stores, f"file://{tmp_path}/nothing"):
        trial.judge(store, "disc")
    assert (trial.runs, trial.published_once, trial.equal) == (5, 3, 2)
    assert trial.summary()["lost"] == 2
    assert "differs in card.json" in trial.problems[0]
