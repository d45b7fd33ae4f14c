import json
from pathlib import Path

import pytest
from PIL import Image

import bench.two_adapters
import styledrop
from bench.two_adapters import main, subject_images


def test_the_subject_has_its_renderings_and_its_credit() -> None:
    assert len({image.tobytes() for image in subject_images(16)}) == 3
    credits = (bench.two_adapters.SUBJECTS / "CREDITS.md").read_text()
    assert all(path.name in credits for path in bench.two_adapters.SUBJECTS.glob("*.png"))


def test_the_ends_are_each_adapter_alone(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fast = bench.two_adapters.FIRST_ROUND.model_copy(update={"steps": 3, "learning_rate": 1.0})
    monkeypatch.setattr(bench.two_adapters, "FIRST_ROUND", fast)
    monkeypatch.setattr(bench.two_adapters, "NUM_IMAGES", 2)
    monkeypatch.setattr(bench.two_adapters, "SAMPLING", styledrop.SamplingConfig(steps=2))
    monkeypatch.setattr("sys.argv", ["two_adapters", "--base", str(tiny_base_folder), "--out", str(tmp_path)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["style_alone_at_0"] is True
    assert figures["content_alone_at_1"] is True
    assert len(figures["gamma"]) == 7
    assert figures["gamma"]["0.0"] != figures["gamma"]["1.0"]
    with Image.open(tmp_path / "two_adapters_streamline-emojis.png") as sheet:
        assert sheet.height > 9 * 96
