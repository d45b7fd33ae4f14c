"""TensorBoard's logs of tunings."""

from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from data.records.onboarding import Run
from tasks.onboarding.tune import tokenize, tune
from tasks.training_log import FOLDER, log_samples


def events(folder: Path) -> list[Event]:
    """What lies in a log folder, by TensorFlow's record format: length, checksum, record, checksum."""
    found = []
    for path in sorted(folder.glob("events.*")):
        content = path.read_bytes()
        while content:
            size = int.from_bytes(content[:8], "little")
            found.append(Event.FromString(content[12 : 12 + size]))
            content = content[16 + size :]
    return found


def test_a_tuning_logs_the_loss_of_each_step(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, f"{tmp_path}/logs")
    record = tune.fn(run, 1, tokenize.fn(run))
    logged = events(tmp_path / "logs" / run.spec.name / run.key / "round-1")
    losses = {event.step: value.simple_value for event in logged for value in event.summary.value}
    assert sorted(losses) == [1, 2, 3]
    assert losses[3] == pytest.approx(record.final_loss)


def test_what_base_and_rounds_draw_is_logged_step_by_step(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, f"{tmp_path}/logs")
    log_samples(run, [[Image.new("RGB", (8, 8), colour)] * 3 for colour in ("red", "blue")])
    logged = events(tmp_path / "logs" / run.spec.name / run.key / "samples")
    images = {event.step: value.image for event in logged for value in event.summary.value}
    assert {step: (image.width, image.height) for step, image in images.items()} == {0: (24, 8), 1: (24, 8)}


def test_nothing_is_logged_unasked(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    log_samples(run, [[Image.new("RGB", (8, 8))]])
    assert sorted(tmp_path.iterdir()) == before


def test_a_log_that_cannot_be_written_ends_no_tuning(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER, f"{tmp_path}/file")
    assert tune.fn(run, 1, tokenize.fn(run)).final_loss > 0
    log_samples(run, [[Image.new("RGB", (8, 8))]])
    assert capsys.readouterr().err.count("cannot be shown (NotADirectoryError") == 2
    monkeypatch.setenv(FOLDER, f"{tmp_path}/logs")
    with patch("tensorboardX.SummaryWriter.add_scalar", side_effect=OSError("the disk is full")):
        assert tune.fn(run, 1, tokenize.fn(run)).final_loss > 0
    assert capsys.readouterr().err.count("cannot be shown (OSError: the disk is full); the run goes on") == 1
