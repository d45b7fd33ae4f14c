import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from styledrop.config.pretraining import Schedule
from styledrop.pretraining import stage
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.stage import StageRun, train_stage

SCHEDULE = Schedule(num_steps=6, learning_rate=0.05, batch_size=4, warmup_steps=2, decay_steps=2, ema_decay=0.9)


class Killed(BaseException):
    """What no code of ours handles, like SIGKILL."""


@pytest.fixture(autouse=True)
def reported_and_kept_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "REPORT_EVERY", 1)
    monkeypatch.setattr(stage, "CHECKPOINT_S", 0.0)


def made() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def trained(
    folder: Path,
    *,
    killed_at: int | None = None,
    schedule: Schedule = SCHEDULE,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
) -> nn.Module:
    module = made()

    def step_loss(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        if step == killed_at:
            raise Killed
        inputs = torch.from_numpy(rng.standard_normal((schedule.batch_size, 3), dtype=np.float32))
        return (module(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean(), {"drawn": float(inputs[0, 0])}

    return train_stage(
        module,
        step_loss,
        schedule,
        StageRun(folder=folder, seed=7),
        muon_weights=matrices_of(module, nn.Linear),
        evaluate=None if evaluate is None else lambda: evaluate(module),
    )


def curve(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.parametrize("schedule", [SCHEDULE, SCHEDULE.model_copy(update={"muon_rate": 0.05})], ids=["AdamW", "Muon"])
@pytest.mark.parametrize("killed_at", [1, 3, 5])
def test_a_killed_run_ends_with_the_weights_and_the_curve_of_an_uninterrupted_one(
    tmp_path: Path, killed_at: int, schedule: Schedule
) -> None:
    whole = trained(tmp_path / "whole", schedule=schedule).state_dict()
    with pytest.raises(Killed):
        trained(tmp_path / "killed", killed_at=killed_at, schedule=schedule)
    resumed = trained(tmp_path / "killed", schedule=schedule).state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")


def test_what_was_written_to_the_curve_after_the_last_checkpoint_is_taken_away(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        trained(tmp_path, killed_at=3)
    with (tmp_path / "curve.jsonl").open("a") as file:
        file.write('{"step": 4, "seconds": 1.0, "loss": 1e9}\n{"step": 5, "sec')
    trained(tmp_path)
    assert [line["step"] for line in curve(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert max(line["loss"] for line in curve(tmp_path)) < 1e9


def test_a_finished_run_goes_on_when_it_is_asked_for_more_steps(tmp_path: Path) -> None:
    constant = Schedule(num_steps=2, learning_rate=0.05, batch_size=4)
    longer = Schedule(num_steps=4, learning_rate=0.05, batch_size=4)
    trained(tmp_path / "grown", schedule=constant)
    grown = trained(tmp_path / "grown", schedule=longer).state_dict()
    whole = trained(tmp_path / "whole", schedule=longer).state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in grown.items())


def test_a_finished_run_asked_for_again_trains_nothing(tmp_path: Path) -> None:
    first = trained(tmp_path).state_dict()
    again = trained(tmp_path, killed_at=0).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in first.items())


def test_figures_of_an_evaluation_stand_in_the_curve_now_and_then_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "EVALUATE_EVERY", 4)
    trained(tmp_path, evaluate=lambda _: {"kept": 1.0})
    assert [line["step"] for line in curve(tmp_path) if "kept" in line] == [4, 6]


@pytest.mark.parametrize(
    "schedule", [SCHEDULE, SCHEDULE.model_copy(update={"ema_decay": 0.0})], ids=["average", "weights"]
)
def test_an_evaluation_sees_what_the_run_would_return_and_changes_nothing(
    tmp_path: Path, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "EVALUATE_EVERY", 1)
    seen: list[dict[str, Tensor]] = []

    def evaluate(module: nn.Module) -> dict[str, float]:
        assert not module.training and not torch.is_grad_enabled()
        seen.append({name: value.clone() for name, value in module.state_dict().items()})
        for value in module.state_dict().values():
            value.zero_()
        return {}

    whole = trained(tmp_path / "whole", schedule=schedule).state_dict()
    evaluated = trained(tmp_path / "evaluated", schedule=schedule, evaluate=evaluate).state_dict()
    assert len(seen) == 6
    assert all(torch.equal(value, evaluated[name]) for name, value in whole.items())
    assert all(torch.equal(value, seen[-1][name]) for name, value in whole.items())


def test_the_rate_warms_up_and_falls_to_almost_nothing() -> None:
    assert [round(SCHEDULE.share_of_rate(step), 4) for step in range(6)] == [0.5, 1.0, 1.0, 1.0, 1.0, 0.5]
