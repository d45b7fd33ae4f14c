"""One process at a time: who comes second waits, and then finds what the first has finished.

The lock is the system's: it ends with the process that holds it, however that ends. It reaches over one machine.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.records.onboarding import Run
from tasks.reporting import log_stage
from tasks.resuming import run_lock


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock on the file `lock`, whose folder exists; wait as long as another process holds it.

    `what` names the work in the line that says so.

    Raises:
        OSError: if the file cannot be written.
    """
    while True:
        with lock.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log_stage(f"{what} is under way in another process here: this one waits, and takes over what is done")
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_there(lock, file.fileno()):  # who held it has removed it
                continue
            try:
                yield
            finally:
                with suppress(OSError):
                    lock.unlink()
            return


@contextmanager
def alone_in_run(run: Run) -> Iterator[None]:
    """Wait until no other process of this machine is at the same run: the first to end would remove the folder of both.

    Raises:
        SpecError: if $STYLEDROP_WORK cannot be written.
    """
    with alone(run_lock(run), f"run {run.key} of {run.spec.name!r}"):
        yield


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
