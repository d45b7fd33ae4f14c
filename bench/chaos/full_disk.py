"""A disk that is full: store, unfinished work and Prefect's results lie on a tmpfs that is too small.

It grows by little each time an onboarding has failed on it, so every file that is written is, once, the one that does
not fit. Mounting needs root.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.chaos.killed import PATIENCE_S
from bench.chaos.onboarding import Onboarding
from bench.chaos.trial import Trial

FIRST_KIB = 32
STEP_KIB = 32
LARGEST_KIB = 64 * 1024


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[int], None]]:
    """A tmpfs on `folder` of `FIRST_KIB`; gives what sets its size in KiB."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={FIRST_KIB}k", "tmpfs", str(folder))
    try:
        yield lambda kib: _mount("-o", f"remount,size={kib}k", str(folder))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def run_on_a_full_disk(trial: Trial, onboarding: Onboarding, resize: Callable[[int], None]) -> None:
    """Start it again, on a disk that is a little larger, until it ends well."""
    onboarding.open()
    for kib in range(FIRST_KIB, LARGEST_KIB, STEP_KIB):
        resize(kib)
        onboarding.start()
        if onboarding.wait(PATIENCE_S) == 0:
            break
        trial.hits[onboarding.stage()] += 1
        trial.refused(onboarding)
    trial.judge(onboarding.spec["store"], onboarding.spec["name"])


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
