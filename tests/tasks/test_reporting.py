import pytest

from tasks import reporting
from tasks.reporting import Progress


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
