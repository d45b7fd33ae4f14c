"""What a run shows of a stage that trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from styledrop.config.pretraining import Schedule
from styledrop.pretraining.stage import Report
from tasks.reporting import Progress


@contextmanager
def training_report(what: str, schedule: Schedule) -> Iterator[Report]:
    """A report for the training loop, with a progress of its own."""
    with Progress(what, schedule.num_steps) as progress:
        yield lambda step, _, figures: progress.update(
            step, ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        )
