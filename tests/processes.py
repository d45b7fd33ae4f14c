"""Servers and workers that tests start: found a port, waited for, ended by their own id."""

import socket
import subprocess
import time
from collections.abc import Callable


def free_port() -> int:
    """A TCP port of 127.0.0.1 nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started, and wait for it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
