"""How a run goes on where it was killed: results of finished tasks, and a folder for what is not finished yet.

The folder, on this machine, holds checkpoints of tunings. It is found again by a run with the same key. Losing it costs
time, never correctness.
"""

import os
import shutil
from pathlib import Path

from prefect.cache_policies import INPUTS, TASK_SOURCE, CachePolicy

from data.records.onboarding import Run

CACHE_BY_INPUT: CachePolicy = INPUTS + TASK_SOURCE
"""Without the source, two tasks with equal inputs would be served each other's results."""


def work_folder(run: Run) -> Path:
    """The run's own folder under $STYLEDROP_WORK (default: ~/.cache/styledrop/work); it exists afterwards."""
    root = os.environ.get("STYLEDROP_WORK") or Path.home() / ".cache" / "styledrop" / "work"
    folder = Path(root) / run.key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_work_folder(run: Run) -> None:
    """Remove the run's folder; nothing happens if there is none."""
    shutil.rmtree(work_folder(run), ignore_errors=True)
