from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from styledrop.config.pretraining import Schedule
from styledrop.pretraining.processes import rank_and_count, train_in_processes
from styledrop.pretraining.stage import StageRun, batch_share, train_stage

TARGETS = torch.arange(8.0)


def fit(folder: Path, num_steps: int, muon_rate: float) -> tuple[torch.Tensor, int]:
    """Fit a number to all targets, of which each process sees its own part."""
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, float(rank_and_count()[0]))  # the first process's start counts
    schedule = Schedule(num_steps=num_steps, learning_rate=0.1, batch_size=8, warmup_steps=0, muon_rate=muon_rate)

    def step_loss(_: int, __: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        rank, _count = rank_and_count()
        part = TARGETS[rank * batch_share(schedule) : (rank + 1) * batch_share(schedule)]
        return (module.weight - part).square().mean(), {}

    train_stage(module, step_loss, schedule, StageRun(folder=folder), muon_weights=[module.weight])
    return module.weight.detach(), batch_share(schedule)


def fit_all(folder: Path) -> dict[str, tuple[torch.Tensor, int]]:
    """All fits of the test below: a second process takes seconds to start."""
    fits = {"AdamW": fit(folder / "adamw", 5, 0.0), "Muon": fit(folder / "muon", 5, 0.1)}
    fit(folder / "stopped", 2, 0.1)
    return {**fits, "stopped": fit(folder / "stopped", 5, 0.1)}


def test_two_processes_train_as_one_on_the_whole_batch_does_and_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    one, two = (train_in_processes(count, fit_all, tmp_path / f"{count}") for count in (1, 2))
    for name, (alone, whole) in one.items():
        together, half = two[name]
        assert (whole, half) == (8, 4)
        assert torch.allclose(together, alone)
        assert alone.item() != 0
    assert torch.equal(two["stopped"][0], two["Muon"][0])


def fail_in_the_helper() -> None:
    if rank_and_count()[0] == 1:
        raise ValueError("the helper failed")
    torch.distributed.barrier()


def test_a_failure_in_one_process_is_a_failure_of_all(tmp_path: Path) -> None:
    num_threads = torch.get_num_threads()
    with pytest.raises(Exception, match=r"."):
        train_in_processes(2, fail_in_the_helper)
    assert torch.get_num_threads() == num_threads
    assert rank_and_count() == (0, 1)
