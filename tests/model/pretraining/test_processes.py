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


@pytest.mark.parametrize("muon_rate", [0.0, 0.1])
def test_two_processes_train_as_one_on_the_whole_batch_does_and_go_on_from_a_checkpoint(
    tmp_path: Path, muon_rate: float
) -> None:
    alone, whole = train_in_processes(1, fit, tmp_path / "one", 5, muon_rate)
    together, half = train_in_processes(2, fit, tmp_path / "two", 5, muon_rate)
    assert (whole, half) == (8, 4)
    assert torch.allclose(together, alone)
    assert alone.item() != 0
    if muon_rate:
        train_in_processes(2, fit, tmp_path / "stopped", 2, muon_rate)
        resumed, _ = train_in_processes(2, fit, tmp_path / "stopped", 5, muon_rate)
        assert torch.equal(resumed, together)


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
