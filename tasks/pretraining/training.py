"""A stage that trains: by the spec's settings of its name, in its processes, with a progress of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from PIL import Image

from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import Made, StageRecord
from styledrop.config.pretraining import Schedule
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.stage import StageRun
from tasks.pretraining.stage_folder import run_stage
from tasks.reporting import Progress

Trained = TypeVar("Trained")


def run_training(
    spec: PretrainSpec,
    stage: str,
    train: Callable[[PretrainSpec, StageRun, Made], Trained],
    made: Made,
    *,
    inputs: Mapping[str, StageRecord | str],
    write: Callable[[Trained, Path], object],
    picture: Callable[[Trained], Image.Image] | None = None,
    made_from: Mapping[str, str] | None = None,
) -> StageRecord:
    """Do the `stage` that `train(spec, run, made)` trains: a function that other processes can import by its name.

    The other arguments are those of `run_stage`; `made_from` has digests of tables of this repository.
    """
    return run_stage(
        spec,
        stage,
        settings={stage: getattr(spec, stage), "seed": spec.seed, **({"made_from": made_from} if made_from else {})},
        inputs=inputs,
        make=lambda: train_in_processes(spec.processes, _trained, spec, stage, train, made),
        write=write,
        picture=picture,
    )


def _trained(
    spec: PretrainSpec, stage: str, train: Callable[[PretrainSpec, StageRun, Made], Trained], made: Made
) -> Trained:
    schedule: Schedule = getattr(spec, stage).schedule
    with stage_run(stage.replace("_", " "), schedule, spec.stage_folder(stage), seed=spec.seed) as run:
        return train(spec, run, made)


@contextmanager
def stage_run(what: str, schedule: Schedule, folder: Path, *, seed: int = 0) -> Iterator[StageRun]:
    """What the training loop is given: `folder`, `seed`, and a report that shows how `what` gets on."""
    with Progress(what, schedule.num_steps) as progress:

        def report(step: int, _: int, figures: dict[str, float]) -> None:
            progress.update(step, ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))

        yield StageRun(folder=folder, seed=seed, report=report)
