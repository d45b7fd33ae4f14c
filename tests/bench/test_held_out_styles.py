import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

import bench.held_out_styles
import bench.style_bench
import styledrop
from bench.held_out_styles import main
from bench.style_bench import FEEDBACK, REFERENCES, ROWS, Measured, differences, held_out_references, summarize
from bench.true_icons import ICONS
from data.corpus.phrases import held_out_phrases
from data.documents.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from tests.bench.test_base_quality import tiny_judge, use_judge


def measured(text: float, style: float, *, is_right: bool = True) -> Measured:
    return Measured(text=text, style=style, content_is_right=is_right, style_is_right=not is_right, distance=2.0)


def test_each_held_out_style_has_one_reference_with_its_credit() -> None:
    references = held_out_references(64)
    assert {reference.style for reference in references} == set(held_out_phrases())
    credits = (REFERENCES / "CREDITS.md").read_text()
    entries = json.loads((REFERENCES / "references.json").read_text())
    for entry, reference in zip(entries, references, strict=True):
        assert reference.style_phrase == f"in {held_out_phrases()[reference.style][0]} style"
        assert entry["licence"] == "CC-BY-4.0"
        assert entry["file"] in credits
        assert reference.image.size == (64, 64)
        assert reference.content_phrase not in FEW_EVALUATION_PROMPTS
    assert not set(CANDIDATE_PROMPTS) & set(FEW_EVALUATION_PROMPTS)


def test_the_true_icons_are_of_the_held_out_styles_and_not_what_is_tuned_on() -> None:
    table = pq.read_table(ICONS).to_pydict()
    assert set(table["style"]) == set(held_out_phrases())
    entries = json.loads((REFERENCES / "references.json").read_text())
    assert not {entry["image_id"] for entry in entries} & set(table["image_id"])


def test_means_and_errors_are_over_the_images_of_all_styles() -> None:
    first = {"base": [measured(0.1, 0.5), measured(0.3, 0.5)]}
    second = {"base": [measured(0.2, 0.5), measured(0.2, 0.9, is_right=False)]}
    # Of 0.1, 0.2, 0.2, 0.3: deviation 0.0816, over the root of four.
    wanted = {"text": 0.2, "text_se": 0.0408, "style": 0.6, "style_se": 0.1}
    assert summarize([first, second]) == {
        "base": {**wanted, "judge_content": 0.75, "judge_style": 0.25, "distance": 2.0}
    }


def test_a_difference_is_of_images_with_the_same_seed() -> None:
    rows = {"clip": [measured(0.2, 0.5), measured(0.8, 0.5)], "round_1": [measured(0.1, 0.5), measured(0.7, 0.9)]}
    # Each image has 0.1 more, however much the two differ; of 0 and -0.4 the error is 0.4 / 2.
    wanted = {"text": 0.1, "text_se": 0.0, "style": -0.2, "style_se": 0.2}
    assert differences([rows], "clip", "round_1") == wanted


def test_every_row_is_drawn_once_and_the_last_line_is_json(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_judge(tiny_judge(), tmp_path / "judge", monkeypatch)
    made = bench.style_bench
    first = held_out_references(16)[:1]
    quick = {"steps": 2, "learning_rate": 1.0}  # so fast that two steps show in the images
    fast = made.FIRST_ROUND.model_copy(update=quick)
    for name, value in {
        "FIRST_ROUND": fast,
        "LATER_ROUNDS": fast,
        "OTHER_METHODS": {name: config.model_copy(update=quick) for name, config in made.OTHER_METHODS.items()},
        "SAMPLING": styledrop.SamplingConfig(steps=2),
        "CANDIDATE_PROMPTS": CANDIDATE_PROMPTS[:4],
        "FEW_EVALUATION_PROMPTS": FEW_EVALUATION_PROMPTS[:2],
    }.items():
        monkeypatch.setattr(made, name, value)
    monkeypatch.setattr(bench.held_out_styles, "held_out_references", lambda size_px: first)
    monkeypatch.setattr(bench.held_out_styles, "FEW_EVALUATION_PROMPTS", FEW_EVALUATION_PROMPTS[:2])
    options = ["--base", str(tiny_base_folder), "--out", str(tmp_path / "out"), "--processes", "1"]
    monkeypatch.setattr("sys.argv", ["held_out_styles", *options])
    main()
    printed = capsys.readouterr().out.splitlines()
    figures = json.loads(printed[-1])
    assert set(figures) == {*ROWS, "differences", "picks", "true_icons"}
    compared, picks, true = figures.pop("differences"), figures.pop("picks"), figures.pop("true_icons")
    assert set(true) == {"real", "as_tokens"}
    assert true["real"]["distance"] != true["as_tokens"]["distance"]
    text = {name: score["text"] for name, score in figures.items()}
    assert compared["clip - round_1"]["text"] == pytest.approx(text["clip"] - text["round_1"], abs=2e-4)
    assert set(picks) == {"all", *FEEDBACK}
    assert picks["clip"]["text"] > picks["all"]["text"]  # the best of each prompt
    keys = {"text", "text_se", "style", "style_se", "judge_content", "judge_style", "distance"}
    assert all(set(score) == keys for score in figures.values())
    assert sum("tune round_1" in line for line in printed) == 1  # its row and the candidates share it
    assert len({json.dumps(score) for score in figures.values()}) > 6
    with Image.open(tmp_path / "out" / f"held_out_{first[0].style}.png") as sheet:
        assert sheet.height > 10 * 96  # the reference and nine rows
    report = (tmp_path / "out" / "held_out_styles.md").read_text()
    assert [report.count(f"\n| {name} | ") for name in ROWS] == [2] * len(ROWS)  # of the style, and of all styles
    assert report.count(f"](held_out_{first[0].style}.png)") == 1
    main()
    again = capsys.readouterr().out
    assert "tune" not in again
    assert again.splitlines()[-1] == printed[-1]
    other = Path(shutil.copytree(tiny_base_folder, tmp_path / "other"))
    config = other / "clip" / "open_clip_config.json"
    config.write_text(config.read_text() + "\n")
    monkeypatch.setattr("sys.argv", ["held_out_styles", "--base", str(other), *options[2:]])
    main()
    assert "tune round_1" in capsys.readouterr().out  # scores of another scorer are not taken for this one's
