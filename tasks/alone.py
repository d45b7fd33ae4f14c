"""One process at a time: who comes second waits, and then finds what the first has finished.

The lock is the system's: it ends with the process that holds it, however that ends. It reaches over one machine.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.reporting import log_stage


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock on the file `lock`; wait as long as another process of this machine holds it.

    `what` names the work in the line that says so.

    Raises:
        OSError: if the file cannot be written.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
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


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
