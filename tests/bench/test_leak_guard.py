import json
from pathlib import Path

import pytest

import bench.leak_guard
import styledrop
from bench.leak_guard import REFERENCES, Measured, best_threshold, drawn, main, summarize
from styledrop.leak import THRESHOLD


def measured(*leaks: tuple[str, str, float]) -> list[Measured]:
    return [Measured(reference=reference, kind=kind, leak=leak) for reference, kind, leak in leaks]


TOLD_APART = measured(
    ("star", "perfect", 0.0), ("star", "leaking", 0.5), ("key", "default", 0.1), ("key", "leaking", 0.3)
)  # fmt: skip


def test_every_content_is_drawn_in_every_look() -> None:
    pictures = {
        drawn(content, look, 64).tobytes() for content in REFERENCES for look in REFERENCES.values()
    }  # fmt: skip
    assert len(pictures) == len(REFERENCES) ** 2


def test_the_threshold_lies_in_the_middle_of_the_gap_and_each_reference_is_judged_by_the_others() -> None:
    assert best_threshold(TOLD_APART) == pytest.approx(0.2)
    figures = summarize(TOLD_APART)
    assert (figures["auc"], figures["false_alarms"], figures["misses"]) == (1.0, 0.0, 0.0)
    # The star alone would put it at 0.25, the key alone at 0.7: above all that the star has.
    apart = measured(
        ("star", "perfect", 0.0), ("star", "leaking", 0.5), ("key", "default", 0.6), ("key", "leaking", 0.8)
    )
    figures = summarize(apart)
    assert (figures["auc"], figures["false_alarms"], figures["misses"]) == (0.75, 0.5, 0.5)


def test_the_last_line_is_json_and_every_reference_has_its_pictures(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = dict(list(REFERENCES.items())[:2])
    monkeypatch.setattr(bench.leak_guard, "REFERENCES", few)
    monkeypatch.setattr(bench.leak_guard, "SAMPLING", styledrop.SamplingConfig(steps=2))
    for name in ("FIRST_ROUND", "OVER_TRAINED"):
        short = getattr(bench.leak_guard, name).model_copy(update={"steps": 1})
        monkeypatch.setattr(bench.leak_guard, name, short)
    monkeypatch.setattr("sys.argv", ["leak_guard", "--base", str(tiny_base_folder), "--out", str(tmp_path)])
    main()
    *lines, last = [line for line in capsys.readouterr().out.splitlines() if " leak " in line or line[0] == "{"]
    assert [line.split()[0] for line in lines] == [reference for reference in few for _ in range(7)]
    figures = json.loads(last)
    assert set(figures) > {"auc", "threshold", "false_alarms", "misses"}
    assert figures["threshold_in_use"] == THRESHOLD
    assert {path.stem.removeprefix("leak_guard_") for path in tmp_path.iterdir()} == set(few)
