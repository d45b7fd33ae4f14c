import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import bench.held_out_styles
from bench.held_out_styles import REFERENCES, ROUNDS, held_out_specs, main, summarize
from data.candidates import Candidate
from data.corpus import held_out_phrases
from data.spec import parse_spec


def sample(text: float, style: float) -> Candidate:
    return Candidate(
        index=0, content_phrase="a cat", prompt="a cat", seed=0, image=b"", text_score=text, style_score=style
    )


def test_each_held_out_style_has_one_reference_with_its_credit() -> None:
    specs = held_out_specs("embedded", "store")  # a spec refuses evaluation prompts that are tuned on
    assert {spec.name for spec in specs} == set(held_out_phrases())
    credits = (REFERENCES / "CREDITS.md").read_text()
    for spec in specs:
        (reference,) = spec.references
        assert reference.style_phrase == f"in {held_out_phrases()[spec.name][0]} style"
        assert spec.licence == "CC-BY-4.0"
        assert Path(reference.uri).name in credits
        with Image.open(reference.uri) as image:
            assert image.size == (128, 128)
        assert (spec.rounds, len(spec.evaluation_prompts), spec.images_per_evaluation_prompt) == (2, 20, 4)


def test_means_and_errors_are_over_the_images_of_all_styles() -> None:
    first = {name: [sample(0.1, 0.5), sample(0.3, 0.5)] for name in ROUNDS}
    second = {name: [sample(0.2, 0.5), sample(0.2, 0.9)] for name in ROUNDS}
    summary = summarize([first, second])
    assert set(summary) == {"base", "round_1", "clip"}
    # Of 0.1, 0.2, 0.2, 0.3: deviation 0.0816, over the root of four.
    assert summary["base"] == {"text": 0.2, "text_se": 0.0408, "style": 0.6, "style_se": 0.1}


def test_the_last_line_is_json_and_every_style_has_its_sheet(
    tmp_path: Path,
    spec_document: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    work_root: Path,
) -> None:
    for settings in ("first_round", "later_rounds"):  # so fast that three steps show in the images
        spec_document[settings] = {**spec_document[settings], "learning_rate": 1.0}
    monkeypatch.setattr(bench.held_out_styles, "held_out_specs", lambda base, store: [parse_spec(spec_document)])
    monkeypatch.setattr("sys.argv", ["held_out_styles", "--out", str(tmp_path / "out")])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"base", "round_1", "clip"}
    assert all(set(score) == {"text", "text_se", "style", "style_se"} for score in figures.values())
    assert figures["base"] != figures["round_1"]
    with Image.open(tmp_path / "out" / "held_out_disc.png") as sheet:
        assert sheet.height > 4 * 96  # reference, base, round 1, clip
    assert list(work_root.iterdir()) == []
