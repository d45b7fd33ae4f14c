import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bench.reconstruction
import styledrop
from bench.reconstruction import main, measure
from data.corpus.arrays import Corpus
from tests.bench.test_base_quality import tiny_judge, use_judge
from tests.corpus_folder import write_corpus

STYLES = ("noto", "twemoji")


def corpus(size_px: int) -> Corpus:
    """Two kept icons of each style, and one that was trained on."""
    count = 3 * len(STYLES)
    return Corpus(
        images=np.random.default_rng(0).integers(0, 256, (count, size_px, size_px, 3), dtype=np.uint8),
        image_id=[str(row) for row in range(count)],
        style=np.array([style for style in STYLES for _ in range(3)], dtype="<U40"),
        concept=np.array(["house"] * count),
        caption=["a house"] * count,
        tags=[[]] * count,
        split=np.array(["kept", "kept", "train"] * len(STYLES)),
        coverage=np.ones(count, dtype=np.int32),
    )


@pytest.fixture
def base(tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> styledrop.Base:
    use_judge(tiny_judge(), tmp_path / "judge", monkeypatch)
    return styledrop.Base.from_pretrained(tiny_base_folder)


def test_shares_are_of_the_kept_icons_as_the_judge_names_them(base: styledrop.Base) -> None:
    shown, judge = corpus(base.size_px), tiny_judge()
    icons = [Image.fromarray(shown.images[row]) for row in (0, 1)]
    named = judge.classify(icons).styles, judge.classify(base.render(base.tokenize(icons))).styles
    shown.style[:3] = named[0][0]
    of_style = measure(base, judge, shown, named[0][0])
    assert of_style.icons == 2
    assert of_style.real == named[0].count(named[0][0]) / 2 > 0
    assert of_style.decoded == named[1].count(named[0][0]) / 2
    assert 0 < of_style.psnr < 20  # noise, which no VQGAN keeps


def test_the_last_line_is_json(
    base: styledrop.Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "work/corpus/result").mkdir(parents=True)
    write_corpus(corpus(base.size_px), tmp_path / "work/corpus/result")
    monkeypatch.setattr(bench.reconstruction, "STYLES", STYLES)
    options = ["--work", str(tmp_path / "work"), "--base", str(base.folder), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["reconstruction", *options])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"style_real", "style_decoded", "psnr", "icons"}
    assert figures["icons"] == 4
    with Image.open(tmp_path / "out" / "reconstruction.png") as sheet:
        assert sheet.height > 4 * 64


def test_a_corpus_without_the_style_is_said_in_words(base: styledrop.Base) -> None:
    with pytest.raises(ValueError, match="kept icons of 'ph-thin' in the corpus, got none"):
        measure(base, tiny_judge(), corpus(base.size_px), "ph-thin")
