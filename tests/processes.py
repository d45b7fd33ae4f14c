"""Servers and workers that tests start: found a port, waited for, ended by their own id."""

import socket
import subprocess
import time
from collections.abc import Callable


def free_port(below: int = 65536) -> int:
    """A TCP port of 127.0.0.1 nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < below:
            return port


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
    """End a process that we started, and wait for it; asked politely, servers take up to half a minute."""
    process.kill()
    process.wait()
