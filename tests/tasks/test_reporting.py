import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock
from uuid import uuid4

import httpx
import pytest

from tasks import reporting
from tasks.reporting import Progress, log_stage, show_markdown, show_table


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(reporting.time, "monotonic", lambda: now[0])
    return now


def test_a_line_comes_every_few_seconds_and_one_at_the_end(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("tune", 100) as tune:
        for done in range(1, 101):
            clock[0] += 0.125
            tune.update(done, "loss 1.0")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("tune: 16/100 in 2 s, ")
    assert lines[-1] == "tune: 100/100 in 12 s, loss 1.0"


def test_what_was_done_before_is_no_part_of_the_pace(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("tune", 100) as tune:
        tune.update(50)
        clock[0] += 10
        tune.update(60)
    assert capsys.readouterr().err.splitlines()[0] == "tune: 60/100 in 10 s, 40 s left"


def test_a_failure_is_not_reported_as_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), Progress("tune", 100):
        raise KeyError
    assert capsys.readouterr().err == ""


def _progress() -> None:
    with Progress("tune", 2, key="k") as tune:
        tune.update(1)
        tune.update(2)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("gone"), httpx.ReadTimeout("slow"), RuntimeError("500"), KeyError(1)]
)
@pytest.mark.parametrize(
    "report",
    [
        _progress,
        lambda: log_stage("a line"),
        lambda: show_markdown("k", "words", "d"),
        lambda: show_table("k", [{"a": "b"}], "d"),
    ],
)
def test_nothing_that_reports_can_end_work(
    report: Callable[[], None], error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reporting.TaskRunContext, "get", lambda: "a task")
    monkeypatch.setattr(reporting, "ARTIFACT_EVERY_S", 0.0)
    monkeypatch.setattr(reporting._run_log, "info", Mock(side_effect=error))
    for name in ("create_progress_artifact", "create_markdown_artifact", "create_table_artifact"):
        monkeypatch.setattr(reporting, name, Mock(side_effect=error))
    report()
    assert f"cannot be shown ({type(error).__name__}: " in capsys.readouterr().err


def test_a_bar_that_cannot_be_moved_is_left_alone_for_a_while(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Mock(side_effect=httpx.ReadTimeout("slow"))
    monkeypatch.setattr(reporting.TaskRunContext, "get", lambda: "a task")
    monkeypatch.setattr(reporting._run_log, "info", Mock())
    monkeypatch.setattr(reporting, "create_progress_artifact", Mock(return_value=uuid4()))
    monkeypatch.setattr(reporting, "update_progress_artifact", move)
    with Progress("tune", 100) as tune:
        for done in range(100):
            clock[0] += 1.0
            tune.update(done)
    assert move.call_count == 3  # after 5 s, a minute later, and at the end


def test_a_terminal_that_was_closed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Mock(write=Mock(side_effect=BrokenPipeError)))
    log_stage("a line")


def test_artifacts_are_made_in_one_place() -> None:
    root = Path(__file__).parents[2]
    makers = {
        path.relative_to(root).as_posix()
        for folder in ("bench", "data", "flows", "review", "tasks")
        for path in (root / folder).rglob("*.py")
        if re.search(r"prefect\.artifacts|create_\w+_artifact", path.read_text())
    }
    assert makers == {"tasks/reporting.py"}
