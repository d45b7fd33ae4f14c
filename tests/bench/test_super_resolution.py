import json
from pathlib import Path

import pytest

import bench.super_resolution
from bench.super_resolution import main
from tests.bench.test_base_quality import tiny_judge, use_judge


def test_every_style_has_a_picture_and_the_last_line_is_json(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_judge(tiny_judge(), tmp_path / "judge", monkeypatch)
    references = bench.super_resolution.held_out_references(32)[:2]
    monkeypatch.setattr(bench.super_resolution, "held_out_references", lambda size_px: references)
    for name in ("ENLARGING", "FIRST_ROUND"):
        short = getattr(bench.super_resolution, name).model_copy(update={"steps": 1})
        monkeypatch.setattr(bench.super_resolution, name, short)
    arguments = ["--base", str(tiny_base_folder), "--icons", "2", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["super_resolution", *arguments])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures.keys() == {"scaled_up", "enlarged", "adapted", "images"}
    assert figures["images"] == 4
    assert 0 < figures["scaled_up"] <= 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"super_resolution_{reference.style}.png" for reference in references
    }
