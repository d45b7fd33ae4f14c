import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import bench.base_quality
import bench.judge
from bench.base_quality import (
    CONTENTS,
    STYLES,
    Sample,
    judge_samples,
    main,
    make_never_drawn,
    never_drawn,
    picture,
    real_icons,
)
from bench.judge import Judge, JudgeAccuracy, JudgeConfig
from data.corpus.arrays import Corpus
from data.corpus.phrases import style_phrases
from data.documents.of_base import SamplingSettings
from data.documents.prompts import CANDIDATE_PROMPTS, EVALUATION_PROMPTS


def use_judge(judge: Judge, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the benches ask `judge`, which is put into `folder`."""
    judge.to_folder(folder, torch.float16)
    monkeypatch.setattr(bench.judge, "FOLDER", folder)


def tiny_judge(accuracy: JudgeAccuracy | None = None) -> Judge:
    torch.manual_seed(0)
    styles = tuple(style_phrases())
    config = JudgeConfig(concepts=(*CONTENTS, "violin"), styles=styles, size_px=16, widths=(8, 8, 8), accuracy=accuracy)
    return Judge(config).eval()


def corpus_of(icons: list[tuple[str, str, str]]) -> Corpus:
    """Icons of these concepts, styles and splits."""
    concepts, styles, splits = (list(column) for column in zip(*icons, strict=True))
    return Corpus(
        images=np.zeros((len(icons), 16, 16, 3), dtype=np.uint8),
        image_id=[str(number) for number in range(len(icons))],
        style=np.array(styles),
        concept=np.array(concepts),
        caption=concepts,
        tags=[[]] * len(icons),
        split=np.array(splits),
        coverage=np.ones(len(icons), dtype=np.int32),
    )


def test_what_is_asked_for_is_everyday_and_in_the_training_styles() -> None:
    assert len(set(CONTENTS)) == 24
    assert set(CONTENTS) <= {*CANDIDATE_PROMPTS, *EVALUATION_PROMPTS}
    assert len(set(STYLES)) == 10
    assert set(STYLES) <= set(style_phrases())


def test_shares_count_what_the_judge_answers_first() -> None:
    judge = tiny_judge()
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(4)]
    seen = judge.classify(images)
    right = [
        Sample(content=content, style=style, image=image)
        for content, style, image in zip(seen.concepts, seen.styles, images, strict=True)
    ]
    quality = judge_samples(judge, right)
    assert (quality.content, quality.style, quality.content_among_asked, quality.style_among_asked) == (1, 1, 1, 1)
    other = next(name for name in judge.config.concepts if name not in seen.concepts)
    wrong = [Sample(content=other, style=right[0].style, image=right[0].image), *right[1:]]
    assert judge_samples(judge, wrong).content == 0.75
    assert judge_samples(judge, wrong).content_se == pytest.approx(0.25)  # sqrt(0.75 x 0.25 / 3)
    assert judge_samples(judge, wrong).samples == 4


def test_the_pairs_that_are_never_drawn_are_enough_and_among_those_asked_for() -> None:
    pairs = never_drawn()
    assert len(pairs) >= 30
    assert {content for content, _ in pairs} <= set(CONTENTS)
    assert {style for _, style in pairs} <= set(STYLES)
    # Every content and every style is drawn in other pairs.
    assert all(sum(content == one for one, _ in pairs) < len(STYLES) / 2 for content in CONTENTS)
    assert all(sum(style == one for _, one in pairs) < len(CONTENTS) / 2 for style in STYLES)


def test_a_pair_without_a_trained_icon_is_never_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.base_quality, "CONTENTS", ("house", "sun"))
    monkeypatch.setattr(bench.base_quality, "STYLES", ("noto", "twemoji"))
    monkeypatch.setattr(bench.base_quality, "NEVER_DRAWN", tmp_path / "never_drawn.json")
    shown = corpus_of([("house", "noto", "train"), ("sun", "noto", "kept"), ("sun", "twemoji", "train"),
                       ("sun", "twemoji", "kept"), ("cat", "twemoji", "train")])  # fmt: skip
    make_never_drawn(shown, tmp_path / "never_drawn.json")
    assert never_drawn() == {("house", "twemoji"), ("sun", "noto")}


def test_the_picture_shows_the_first_sample_of_each_content_and_style() -> None:
    samples = [
        Sample(content=content, style=style, image=Image.new("RGB", (16, 16), colour))
        for content in ("house", "sun")
        for style in ("ink", "oil")
        for colour in ("red", "blue")
    ]
    colours = {colour for _, colour in picture(samples).getcolors(2**20) or []}
    assert (255, 0, 0) in colours
    assert (0, 0, 255) not in colours


def test_real_icons_stand_under_the_samples_where_a_set_has_them() -> None:
    shown = corpus_of([("house", STYLES[0], "train"), ("house", STYLES[0], "train"), ("sun", "another set", "train")])
    shown.images[:] = np.array([(0, 0, 90), (0, 90, 0), (90, 0, 0)], dtype=np.uint8)[:, None, None]
    real = real_icons(shown)
    assert {place: icon.getpixel((0, 0)) for place, icon in real.items()} == {("house", STYLES[0]): (0, 0, 90)}
    samples = [
        Sample(content=content, style=STYLES[0], image=Image.new("RGB", (16, 16), "red"))
        for content in ("house", "sun")
    ]
    sheet = picture(samples, real)
    assert sheet.height > picture(samples).height + 2 * 64
    colours = {colour for _, colour in sheet.getcolors(2**20) or []}
    assert (0, 0, 90) in colours
    assert (0, 90, 0) not in colours


def test_the_last_line_is_json_with_the_judges_own_accuracy(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = JudgeAccuracy(
        concept=0.75, concept_images=100, style=0.9, style_images=200, of_styles=dict.fromkeys(STYLES, 0.6)
    )
    use_judge(tiny_judge(accuracy), tmp_path / "judge", monkeypatch)
    monkeypatch.setattr(bench.base_quality, "SETTINGS", SamplingSettings(steps=2))
    monkeypatch.setattr(bench.base_quality, "CONTENTS", CONTENTS[:3])
    monkeypatch.setattr(bench.base_quality, "STYLES", STYLES[:2])
    options = ["--base", str(tiny_base_folder), "--samples", "2", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["base_quality", *options])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    shares = {f"{share}{ending}" for share in ("content", "style") for ending in ("", "_never_drawn")}
    errors = {f"{share}_se" for share in shares}
    judges = {"judge_content", "judge_style", "judge_style_of_asked"}
    assert set(figures) == {*shares, *errors, *judges, "samples"}
    assert (figures["judge_content"], figures["judge_style"], figures["samples"]) == (0.75, 0.9, 12)
    assert figures["judge_style_of_asked"] == 0.6
    with Image.open(tmp_path / "out" / "base_quality.png") as sheet:
        assert sheet.height > 3 * 64
