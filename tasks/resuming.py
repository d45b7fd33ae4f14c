"""How a run goes on where it was killed: results of finished tasks, and a folder for what is not finished yet.

The folder, on this machine, holds checkpoints of tunings. It is found again by a run with the same key. Losing it costs
time, never correctness.
"""

import os
import shutil
import tempfile
from pathlib import Path

from prefect.cache_policies import INPUTS, TASK_SOURCE, CachePolicy

from data.addresses import absolute
from data.errors import AddressError, SpecError
from data.records.onboarding import Run

CACHE_BY_INPUT: CachePolicy = INPUTS + TASK_SOURCE
"""Without the source, two tasks with equal inputs would be served each other's results."""


def work_folder(run: Run) -> Path:
    """The run's own folder under $STYLEDROP_WORK (default: ~/.cache/styledrop/work); it exists afterwards.

    Raises:
        SpecError: if it cannot be written.
    """
    folder = _work_path(run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise SpecError(
            f"STYLEDROP_WORK: expected a folder that can be written, got {folder}: {error.strerror}; set it to another"
        ) from error


def remove_work_folder(run: Run) -> None:
    """Remove the run's folder; nothing happens if there is none."""
    shutil.rmtree(_work_path(run), ignore_errors=True)


def _work_path(run: Run) -> Path:
    try:
        root = absolute(os.environ.get("STYLEDROP_WORK") or "~/.cache/styledrop/work")
        if "://" in root:
            raise AddressError(f"expected a folder of this machine, got {root}")
    except AddressError as error:
        raise SpecError(f"STYLEDROP_WORK: {error}") from error
    return Path(root) / run.key
