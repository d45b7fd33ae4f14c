"""The training loop that every stage of pretraining shares.

A stage is a function from a step's number to a loss; this loop adds the schedule, gradient
clipping, moving averages of the weights, checkpoints and the curve. Batches are drawn from a
generator seeded with (seed, step, rank), so a resumed run sees the data that it would have seen.

In a process group (processes.py) every process draws its own part of the batch, and gradients are
averaged.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from styledrop.checkpoint import optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint
from styledrop.config.pretraining import Schedule
from styledrop.pretraining.muon import Muon
from styledrop.pretraining.processes import mean_over_processes, rank_and_count, take_from_first

Report = Callable[[int, int, dict[str, float]], None]
"""Called now and then with step, number of steps, and the means since the last call."""
Evaluate = Callable[[], dict[str, float]]
"""Figures of the module on data that it is not trained on; called with its moving average in place."""

CHECKPOINT_S = 60.0
REPORT_EVERY, EVALUATE_EVERY = 50, 400
"""Steps."""


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """Where a stage is trained and who is told of it, whatever it trains."""

    folder: Path
    """Of its checkpoint and its curve."""
    seed: int = 0
    report: Report | None = None


def batch_share(schedule: Schedule) -> int:
    """Of a batch, what this process draws."""
    return schedule.batch_size // rank_and_count()[1]


def train_stage(
    module: nn.Module,
    step_loss: Callable[[int, np.random.Generator], tuple[Tensor, dict[str, float]]],
    schedule: Schedule,
    run: StageRun,
    *,
    muon_weights: Sequence[Tensor] = (),
    evaluate: Evaluate | None = None,
) -> nn.Module:
    """Train `module` in place, from the folder's checkpoint if it has one.

    `step_loss(step, rng)` draws this process's share of a batch (`batch_share`) and returns
    the loss to differentiate and figures for the curve. Writes `checkpoint.safetensors` each
    `CHECKPOINT_S` seconds and appends to `curve.jsonl`. The first process calls `evaluate` every `EVALUATE_EVERY`
    steps and at the end, and its figures stand in the curve too; the others wait.

    Returns:
        `module`, holding the moving average of its weights where the schedule asks for one.
    """
    rank, _ = rank_and_count()
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizers = _optimizers(module, schedule, muon_weights)
    average = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    run.folder.mkdir(parents=True, exist_ok=True)
    path, curve = run.folder / "checkpoint.safetensors", run.folder / "curve.jsonl"
    found = read_checkpoint(path)
    step, seconds = 0, 0.0
    if found is not None:
        tensors, state = found
        step, seconds = state["step"], state["seconds"]
        module.load_state_dict({name[7:]: value for name, value in tensors.items() if name.startswith("module.")})
        average = {name[8:]: value for name, value in tensors.items() if name.startswith("average.")}
        restore_optimizer(tensors, *optimizers)
    for tensor in module.state_dict().values():
        take_from_first(tensor)
    if rank == 0:
        _cut_curve(curve, step)

    def save() -> None:
        tensors = {f"module.{name}": value.clone() for name, value in module.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in average.items()}
        write_checkpoint(path, tensors | optimizer_tensors(*optimizers), {"step": step, "seconds": seconds})

    sums: dict[str, float] = {}
    last_report, last_save, next_evaluation = step, time.monotonic(), step + EVALUATE_EVERY
    module.train()
    while step < schedule.num_steps:
        start = time.monotonic()
        share = schedule.share_of_rate(step)
        for optimizer, rate in zip(optimizers, (schedule.learning_rate, schedule.muon_rate), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
        loss, figures = step_loss(step, np.random.default_rng([run.seed, step, rank]))
        module.zero_grad(set_to_none=True)
        loss.backward()
        mean_over_processes([p.grad for p in parameters if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(parameters, schedule.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        if schedule.ema_decay:
            # The average starts as a plain mean and lengthens its memory up to ema_decay.
            decay = min(schedule.ema_decay, (1 + step) / (10 + step))
            with torch.no_grad():
                for name, value in module.state_dict().items():
                    if value.dtype.is_floating_point:
                        average[name].lerp_(value, 1 - decay)
                    else:
                        average[name].copy_(value)
        seconds += time.monotonic() - start
        for name, figure in {"loss": float(loss.detach()), **figures}.items():
            sums[name] = sums.get(name, 0.0) + figure
        if rank == 0 and (step - last_report >= REPORT_EVERY or step == schedule.num_steps):
            means = {name: total / (step - last_report) for name, total in sums.items()}
            if evaluate is not None and (step >= next_evaluation or step == schedule.num_steps):
                means |= _evaluated(module, average if schedule.ema_decay else None, evaluate)
                next_evaluation = step + EVALUATE_EVERY
            with curve.open("a") as file:
                file.write(json.dumps({"step": step, "seconds": round(seconds, 1), **means}) + "\n")
            if run.report is not None:
                run.report(step, schedule.num_steps, means)
            sums, last_report = {}, step
        if rank == 0 and time.monotonic() - last_save > CHECKPOINT_S:
            save()
            last_save = time.monotonic()
    if rank == 0:
        save()
    if schedule.ema_decay:
        module.load_state_dict(average)
    return module.eval()


def _evaluated(module: nn.Module, average: dict[str, Tensor] | None, evaluate: Evaluate) -> dict[str, float]:
    """The figures of the moving average, or of the weights where there is none; the weights are put back."""
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    if average is not None:
        module.load_state_dict(average)
    module.eval()
    with torch.no_grad():
        figures = evaluate()
    module.load_state_dict(weights)
    module.train()
    return figures


def _optimizers(module: nn.Module, schedule: Schedule, muon_weights: Sequence[Tensor]) -> list[torch.optim.Optimizer]:
    """AdamW, and Muon beside it where the schedule asks for it."""
    taken = {id(weight) for weight in muon_weights} if schedule.muon_rate else set()
    rest = [p for p in module.parameters() if p.requires_grad and id(p) not in taken]
    decayed, others = [p for p in rest if p.ndim >= 2], [p for p in rest if p.ndim < 2]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=schedule.learning_rate,
            betas=schedule.betas,
        )
    ]
    if taken:
        optimizers.append(Muon(muon_weights, lr=schedule.muon_rate, weight_decay=schedule.weight_decay))
    return optimizers


def _cut_curve(path: Path, last_step: int) -> None:
    """Take away what a killed run wrote after its last checkpoint: those steps are done again."""
    if path.is_file():
        lines = path.read_text().splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= last_step]
        path.write_text("".join(f"{line}\n" for line in kept))
