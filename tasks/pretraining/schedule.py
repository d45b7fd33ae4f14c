"""From the spec's schedule to the library's, and from the library's reports to our progress."""

from data.documents.pretrain_spec import ScheduleSettings
from styledrop.pretraining.stage import Report, Schedule
from tasks.reporting import Progress


def schedule_of(settings: ScheduleSettings) -> Schedule:
    """The same schedule in the library's words."""
    return Schedule(**settings.model_dump())


def report_to(progress: Progress) -> Report:
    """A report for the training loop that ends up in `progress`."""

    def report(step: int, _: int, figures: dict[str, float]) -> None:
        progress.update(step, ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))

    return report
