"""Processes and ports of servers: found, waited for, known again, ended."""

import contextlib
import random
import socket
import time
from collections.abc import Callable, Sequence

import psutil
from pydantic import BaseModel

_FIRST_PORT, _FIRST_OF_CONNECTIONS = 10_000, 32_768
"""Servers get ports from the first to the second, where Linux's for connections begin: those are taken at any time."""


class Started(BaseModel):
    """A process that we started, by what tells it from a later one of the same number."""

    pid: int
    created: float

    def find(self) -> psutil.Process | None:
        """The process, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            # Within a second: the time is derived from the clock, which may have been set since.
            is_same = abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if is_same else None


def marked(name: str, value: str) -> list[psutil.Process]:
    """All processes whose environment says NAME=VALUE, and which we may look at."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                found.append(process)
        except psutil.Error:  # gone, a zombie, or another user's
            continue
    return found


def end(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    """Ask processes to end; after `timeout_s`, kill those that are left, with what they started."""
    for process in processes:
        _quietly(process.terminate)
    _, left = psutil.wait_procs(processes, timeout=timeout_s)
    for process in left:
        children = _children(process)
        _quietly(process.kill)
        for child in children:
            _quietly(child.kill)
    psutil.wait_procs(left, timeout=timeout_s)


def free_port(wanted: int = 0, *, and_above: int = 0) -> int:
    """A TCP port of 127.0.0.1 nobody listens on now: `wanted`, or else any other.

    Nobody listens on the port `and_above` higher either, which some servers take besides.
    """
    while True:
        port = wanted or random.randrange(_FIRST_PORT, _FIRST_OF_CONNECTIONS - and_above)
        if _is_free(port) and _is_free(port + and_above):
            return port
        wanted = 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(happened: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Ask every 0.2 s.

    Raises:
        TimeoutError: if it has not happened after `timeout_s` seconds.
    """
    give_up = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {timeout_s:.0f} s until {what}")
        time.sleep(0.2)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _quietly(action: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        action()
