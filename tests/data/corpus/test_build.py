"""The corpus, built from a tiny package folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data.corpus import build
from data.corpus.arrays import read_arrays
from data.corpus.build import build_corpus
from data.corpus.layers import COLOUR, DRAWN, LAYER_PX, NUM_LAYERS
from data.errors import CorpusError
from tests.corpus_folder import COLUMNS


def _rows(folder: Path) -> dict[str, dict[str, object]]:
    read = read_arrays(folder)
    columns = {name: list(getattr(read, name)) for name in COLUMNS}
    return {name: {key: column[row] for key, column in columns.items()} for row, name in enumerate(read.image_id)}


def test_build_names_the_same_thing_the_same_way_in_every_set(built: Path) -> None:
    rows = _rows(built)
    assert {rows[i]["concept"] for i in ("tiny-emoji/house", "tiny-line/home", "tiny-fill/home")} == {"house"}
    assert {rows[i]["concept"] for i in ("tiny-emoji/automobile", "tiny-line/car", "tiny-fill/car-2")} == {"car"}
    assert rows["tiny-fill/cars"]["concept"] == "car" and rows["tiny-fill/cars"]["caption"] == "cars"
    assert rows["tiny-emoji/house"]["coverage"] == 3
    assert rows["tiny-3d/umbrella"]["tags"] == ["umbrella tag"]


def test_build_leaves_out_flags_skin_tones_struck_repeated_blank_and_hidden_icons(built: Path) -> None:
    assert set(_rows(built)) == {
        "tiny-emoji/house", "tiny-emoji/automobile", "tiny-emoji/umbrella", "tiny-3d/umbrella", "tiny-line/home",
        "tiny-line/car", "tiny-line/umbrella", "tiny-line/wifi-off", "tiny-fill/home", "tiny-fill/car-2",
        "tiny-fill/cars",
    }  # fmt: skip


def test_a_share_of_the_icons_is_kept_from_training(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "KEPT_FRACTION", 0.5)
    build_corpus(packages, tmp_path / "out")
    assert {row["split"] for row in _rows(tmp_path / "out").values()} == {"train", "kept"}


def test_layers_lie_beside_the_images_row_by_row(built: Path) -> None:
    layers, read = np.load(built / "layers.npy"), read_arrays(built)
    assert layers.shape == (len(read), LAYER_PX, LAYER_PX, NUM_LAYERS) and layers.dtype == np.uint8
    for of_icon, image in zip(layers, read.images, strict=True):
        is_drawn = of_icon[..., DRAWN] == 255
        assert is_drawn.any()
        assert np.array_equal(of_icon[is_drawn][:, COLOUR], image[is_drawn])
        assert (image[of_icon[..., DRAWN] == 0] == 255).all()


def test_two_builds_are_equal(packages: Path, built: Path, tmp_path: Path) -> None:
    build_corpus(packages, tmp_path)
    assert list(_rows(built).items()) == list(_rows(tmp_path).items())
    for name in ("corpus.json", "images.npy", "layers.npy"):
        assert (built / name).read_bytes() == (tmp_path / name).read_bytes()


def test_held_out_styles_are_never_mixed_with_training_styles(packages: Path, built: Path, tmp_path: Path) -> None:
    training = json.loads((built / "corpus.json").read_text())
    held_out = build_corpus(packages, tmp_path / "held_out", held_out=True)
    assert set(held_out["counts"]) == {"tiny-secret"}
    assert not set(training["counts"]) & set(held_out["counts"])
    assert not (tmp_path / "held_out/layers.npy").exists()  # no looks are drawn of them
    secret = _rows(tmp_path / "held_out")["tiny-secret/home"]
    assert secret["concept"] == "house" and secret["coverage"] == 3


def test_credits_name_author_and_licence_of_every_set(built: Path) -> None:
    text = (built / "CREDITS.md").read_text()
    for expected in ("tiny-line", "tiny-3d", "[Ann](https://a.example)", "[MIT License](https://l.example)"):
        assert expected in text


def test_build_says_what_is_missing_or_in_the_way(packages: Path, built: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"data.json is missing; fetch the packages first"):
        build_corpus(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(CorpusError, match=r"out already holds a corpus"):
        build_corpus(packages, built)
    with pytest.raises(ValueError, match=r"size_px must be in 1..128, got 129"):
        build_corpus(packages, tmp_path / "large", 129)


def test_images_are_in_their_colours_on_the_size_asked(packages: Path, tmp_path: Path) -> None:
    build_corpus(packages, tmp_path / "out", 16)
    read = read_arrays(tmp_path / "out")
    assert read.images.shape == (len(read), 16, 16, 3) and read.images.dtype == np.uint8
    red = read.images[read.image_id.index("tiny-emoji/house")]
    assert red[0, 15].tolist() == [255, 255, 255] and red[8, 3].tolist() == [170, 0, 0]
    wide = read.images[read.image_id.index("tiny-fill/car-2")]
    assert wide[0, 0].tolist() == [255, 255, 255] and wide[8, 6].max() < 40, "a wide icon is centred on a white square"
    assert set(read.split) <= {"train", "kept"} and read.coverage.dtype == np.int32
