"""Servers and workers that tests start: found a port, waited for, ended by their own id."""

import subprocess

from infra.processes import free_port, wait_until

__all__ = ["end", "free_port", "wait_until"]


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started, and wait for it; asked politely, servers take up to half a minute."""
    process.kill()
    process.wait()
