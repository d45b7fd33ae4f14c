"""A folder on this machine for what is not finished yet: checkpoints of tunings.

It is found again by a run with the same key, so a killed run goes on where it was. Losing it costs
time, never correctness.
"""

import os
import shutil
from pathlib import Path

from data.records.run import Run


def work_folder(run: Run) -> Path:
    """The run's own folder under $STYLEDROP_WORK (default: ~/.cache/styledrop/work); it exists afterwards."""
    root = os.environ.get("STYLEDROP_WORK") or Path.home() / ".cache" / "styledrop" / "work"
    folder = Path(root) / run.key
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_work_folder(run: Run) -> None:
    """Remove the run's folder; nothing happens if there is none."""
    shutil.rmtree(work_folder(run), ignore_errors=True)
