"""Colours of an image, in the corpus' words."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import bench.colour_words
from bench.colour_words import Asked, followed, main, named, named_colours, unseen
from data.corpus.colours import WHITE, Colour, name_of
from data.corpus.looks import Look, is_left_out
from data.documents.of_base import SamplingSettings

COLOURS = named_colours() | {"white": WHITE}


def _pixel(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(255 * channel) for channel in colour)
    return red, green, blue


def _drawn(ink: str, fill: str, ground: str) -> Image.Image:
    image = Image.new("RGB", (64, 64), _pixel(COLOURS[ground]))
    outline = {"fill": _pixel(COLOURS[fill]), "outline": _pixel(COLOURS[ink])}
    ImageDraw.Draw(image).rectangle((12, 12, 52, 52), width=5, **outline)
    return image


def test_every_colour_has_the_name_it_stands_for() -> None:
    assert all(name_of(colour) == name for name, colour in COLOURS.items())
    assert len(COLOURS) > 30


def test_ink_fill_and_ground_are_named() -> None:
    assert named(_drawn("dark purple", "yellow", "white")) == ("dark purple", "yellow", "white")
    assert named(_drawn("dark red", "cream", "cream"))[::2] == ("dark red", "cream")
    assert named(Image.new("RGB", (64, 64), "white")) == ("white", "", "white")


def test_shares_count_what_was_asked_for() -> None:
    teal, orange, pale = COLOURS["dark teal"], COLOURS["orange"], COLOURS["pale blue"]
    filled = Asked(look=Look(style="ph-duotone", ink=teal, fill="flat", fill_colours=(orange, orange)))
    grounded = Asked(look=Look(style="tabler", ink=teal, ground="plain", ground_colours=(pale, pale)))
    images = [_drawn("dark teal", "orange", "white"), _drawn("brown", "pale blue", "pale blue")]
    assert followed([filled, grounded], images) == {"ink": 0.5, "other": 1.0, "both": 0.5}


def test_only_pairs_that_are_left_out_of_training_are_asked_for_in_words_of_training() -> None:
    asked = unseen()
    phrases = [one.phrase for one in asked]
    assert len(set(phrases)) == len(phrases) > 80
    assert all(is_left_out(one.look) for one in asked)
    for one in asked:
        assert f" {one.ink} " in one.phrase, one.phrase
        assert one.phrase.endswith(f"with {one.other} fill style" if one.is_fill else f"on {one.other} style")
    assert 0.3 < sum(one.is_fill for one in asked) / len(asked) < 0.7


def test_the_last_line_is_json(
    tmp_path: Path, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = unseen()[::20]
    monkeypatch.setattr(bench.colour_words, "unseen", lambda: few)
    monkeypatch.setattr(bench.colour_words, "SETTINGS", SamplingSettings(steps=2))
    monkeypatch.setattr("sys.argv", ["colour_words", "--base", str(tiny_base_folder), "--out", str(tmp_path)])
    main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"grounds", "fills", "images"} and figures["images"] == len(few)
    assert (tmp_path / "colour_words.png").is_file()
