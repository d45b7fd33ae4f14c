"""Colours of an image, in the corpus' words."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import bench.colour_words
from bench.colour_words import Asked, followed, main, named, unseen
from data.corpus.recolours import COLOURS, RECOLOURS
from data.documents.spec import SamplingSettings


def _drawn(ink: str, fill: str, ground: str) -> Image.Image:
    image = Image.new("RGB", (64, 64), COLOURS[ground])
    ImageDraw.Draw(image).rectangle((12, 12, 52, 52), fill=COLOURS[fill], outline=COLOURS[ink], width=5)
    return image


def test_ink_fill_and_ground_are_named() -> None:
    assert named(_drawn("purple", "yellow", "white")) == ("purple", "yellow", "white")
    assert named(_drawn("dark red", "cream", "cream"))[::2] == ("dark red", "cream")
    assert named(Image.new("RGB", (64, 64), "white")) == ("white", "", "white")


def test_shares_count_what_was_asked_for() -> None:
    filled = Asked(base="ph-duotone", ink="teal", other="orange", is_fill=True)
    grounded = Asked(base="tabler", ink="teal", other="pale blue", is_fill=False)
    images = [_drawn("teal", "orange", "white"), _drawn("brown", "pale blue", "pale blue")]
    assert followed([filled, grounded], images) == {"ink": 0.5, "other": 1.0, "both": 0.5}


def test_only_pairs_that_a_set_never_had_are_asked_for() -> None:
    phrases = [one.phrase for one in unseen()]
    assert len(set(phrases)) == len(phrases) > 150
    assert "in purple line icon with yellow fill style" in phrases
    assert "in purple line icon with mint green fill style" not in phrases  # ph-duotone+purple-and-mint-green
    assert "in green line icon with mint green fill style" in phrases  # only its ground was mint green
    assert not {f"in {phrase} style" for one in RECOLOURS for phrase in one.phrases} & set(phrases)


def test_the_last_line_is_json(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = unseen()[::30]
    monkeypatch.setattr(bench.colour_words, "unseen", lambda: few)
    monkeypatch.setattr(bench.colour_words, "SETTINGS", SamplingSettings(steps=2))
    monkeypatch.setattr("sys.argv", ["colour_words", "--base", str(tiny_base_folder), "--out", str(tmp_path)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"grounds", "fills", "images"} and figures["images"] == len(few)
    assert (tmp_path / "colour_words.png").is_file()
