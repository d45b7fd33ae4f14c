"""Who comes second waits, whatever becomes of the first."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks.alone import alone
from tests.processes import wait_until

HOLD = """
import pathlib, sys, time
from tasks.alone import alone
with alone(pathlib.Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_waits_for_the_first_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with alone(tmp_path / "lock", "the run"):
            order.append("second")

    with alone(tmp_path / "lock", "the run"):
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(lambda: "the run is under way in another process here" in capsys.readouterr().err, 60, "a line")
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert list(tmp_path.iterdir()) == []


def test_a_killed_one_keeps_nobody_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "lock"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with alone(tmp_path / "lock", "the run"):
        assert "under way" not in capsys.readouterr().err


def test_many_at_once_never_meet(tmp_path: Path) -> None:
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(20):
            with alone(tmp_path / "lock", "the run"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
