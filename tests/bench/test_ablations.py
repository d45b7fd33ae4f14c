import json
from pathlib import Path

import pytest
from PIL import Image

import bench.ablations
import bench.style_bench
import styledrop
from bench.ablations import PARTS, Setting, main
from data.documents.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from tests.bench.test_base_quality import tiny_judge, use_judge


def test_every_setting_of_a_part_has_its_line_and_its_row(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_judge(tiny_judge(), tmp_path / "judge", monkeypatch)
    fast = bench.style_bench.FIRST_ROUND.model_copy(update={"steps": 2, "learning_rate": 1.0})
    for module in (bench.style_bench, bench.ablations):
        monkeypatch.setattr(module, "FIRST_ROUND", fast)
        monkeypatch.setattr(module, "FEW_EVALUATION_PROMPTS", FEW_EVALUATION_PROMPTS[:2])
    monkeypatch.setattr(bench.style_bench, "SAMPLING", styledrop.SamplingConfig(steps=2))
    monkeypatch.setattr(bench.style_bench, "CANDIDATE_PROMPTS", CANDIDATE_PROMPTS[:2])
    strong = styledrop.Guidance(lambda_a=5.0, lambda_b=0.0)
    settings = [
        Setting(name="plain", config=fast),
        Setting(name="strong", config=fast, guidance=strong),
        Setting(name="rare", config=fast, rare_token=True),
        Setting(name="picked", config=fast, picks=2),
    ]
    monkeypatch.setitem(PARTS, "words", settings)
    options = ["--base", str(tiny_base_folder), "--out", str(tmp_path / "out"), "--parts", "words"]
    monkeypatch.setattr("sys.argv", ["ablations", *options])
    main()
    lines = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [line["setting"] for line in lines] == ["plain", "strong", "rare", "picked"]
    assert len({(line["text"], line["style"]) for line in lines}) == 4
    with Image.open(tmp_path / "out" / "ablation_words.png") as sheet:
        assert sheet.height > 5 * 96
