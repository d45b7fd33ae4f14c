import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.processes import Started, end, free_port, marked, wait_until


def keep(command: list[str], mark: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.keep", "--", *command],
        env={**os.environ, "KEPT": mark}, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_dies_at_once_three_times_is_given_up() -> None:
    keeper = keep([sys.executable, "-c", "import sys; sys.exit(3)"])
    _, errors = keeper.communicate(timeout=120)
    assert keeper.returncode == 3
    assert errors.count("ended with status 3") == 3
    assert "given up" in errors


def test_what_is_killed_is_started_again_and_ends_with_its_keeper(tmp_path: Path) -> None:
    mark = str(tmp_path)
    keeper = keep(["sleep", "600"], mark)

    def kept() -> list[psutil.Process]:
        return [process for process in marked("KEPT", mark) if process.pid != keeper.pid and is_sleep(process)]

    def runs_again() -> bool:
        now = kept()
        return len(now) == 1 and now != [first]

    try:
        wait_until(lambda: len(kept()) == 1, 120, "it runs")
        [first] = kept()
        first.send_signal(signal.SIGKILL)
        wait_until(runs_again, 120, "it runs again")
    finally:
        end([psutil.Process(keeper.pid)], 60)
        keeper.communicate(timeout=60)
    assert marked("KEPT", mark) == []


def is_sleep(process: psutil.Process) -> bool:
    try:
        return process.name() == "sleep"
    except psutil.NoSuchProcess:  # it has ended since it was found
        return False


def test_a_later_process_of_the_same_number_is_not_the_one_that_was_started() -> None:
    ours = Started(pid=os.getpid(), created=psutil.Process().create_time())
    assert ours.find() == psutil.Process()
    assert ours.model_copy(update={"created": ours.created - 60}).find() is None


@pytest.mark.parametrize("above", [0, 10_000])
def test_a_taken_port_is_passed_over_and_so_is_one_whose_second_is_taken(above: int) -> None:
    import socket

    port = free_port(and_above=above)
    assert port + above < 32_768  # from there on the kernel gives ports to connections
    assert free_port(port, and_above=above) == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + above))
        taken.listen()
        assert free_port(port, and_above=above) != port
