import json
from pathlib import Path

import pytest
from PIL import Image

import bench.style_editing
import styledrop
from bench.style_bench import held_out_references
from bench.style_editing import PHRASES, STYLE, main


def test_every_phrase_is_drawn_by_an_adapter_tuned_with_the_references_own(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    phrases = {reference.style: reference.style_phrase for reference in held_out_references(16)}
    assert phrases[STYLE] == f"in {PHRASES[0]} style"
    fast = bench.style_editing.FIRST_ROUND.model_copy(update={"steps": 2})
    monkeypatch.setattr(bench.style_editing, "FIRST_ROUND", fast)
    monkeypatch.setattr(bench.style_editing, "SAMPLING", styledrop.SamplingConfig(steps=2))
    monkeypatch.setattr("sys.argv", ["style_editing", "--base", str(tiny_base_folder), "--out", str(tmp_path)])
    main()
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["style"]) == set(PHRASES)
    with Image.open(tmp_path / "style_editing.png") as sheet:
        assert sheet.height > (1 + len(PHRASES)) * 96
