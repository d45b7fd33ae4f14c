"""The corpus, built from a tiny package folder made here: three things in a few sets, no network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data import corpus
from data.corpus import CorpusError, IconSet, build_corpus, fetch_packages, read_corpus

MONO_SETS = ("tiny-line", "tiny-fill")
SETS = (
    IconSet(style="tiny-emoji", collection="tiny-emoji", is_emoji=True),
    IconSet(style="tiny-3d", collection="", is_emoji=True),
    IconSet(style="tiny-line", collection="tiny", suffix="-line"),
    IconSet(style="tiny-fill", collection="tiny", suffix="-fill"),
)
HELD_OUT = (IconSet(style="tiny-secret", collection="tiny-secret"),)


def _square(place: int, colour: str = "currentColor") -> dict[str, str]:
    return {"body": f'<rect x="{place}" y="4" width="6" height="12" fill="{colour}"/>'}


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packages"
    monkeypatch.setattr(corpus, "BASE_SETS", SETS)
    monkeypatch.setattr(corpus, "HELD_OUT_SETS", HELD_OUT)
    monkeypatch.setattr(
        corpus, "RECOLOURS", (corpus.Recolour(base="tiny-line", variant="red", ink="#ff0000", ground="#000080"),)
    )
    monkeypatch.setattr(corpus, "FILTERS", (corpus.Filtered(base="tiny-emoji", variant="pencil", apply=corpus.pencil),))
    labels = [
        ("1F3E0", "house", 5),
        ("1F697", "automobile", 5),
        ("1F1E9-1F1EA", "flag: Germany", 9),
        ("2602-FE0F", "umbrella", 5),
    ]
    _write(
        folder / "emojibase/package/en/data.json",
        [{"label": label, "hexcode": code, "tags": [f"{label} tag"], "group": group} for code, label, group in labels],
    )
    json_folder = folder / "iconify/package/json"
    _write(
        json_folder / "tiny-emoji.json",
        {
            "icons": {
                "house": _square(1, "#a00"), "automobile": _square(3, "#0a0"), "flag-germany": _square(5, "#00a"),
                "house-dark-skin-tone": _square(8, "#aa0"), "umbrella": _square(9, "#a0a"),
            },
            "chars": {"1f3e0": "house", "1f697": "automobile", "1f1e9-1f1ea": "flag-germany", "2602": "umbrella"},
            "width": 20, "height": 20,
        },
    )  # fmt: skip
    _write(
        json_folder / "tiny.json",
        {
            "icons": {
                "home-line": _square(1), "car-line": _square(3), "umbrella-line": _square(5),
                "umbrella-off-line": _square(6), "wifi-off-line": _square(7), "same-line": _square(1),
                "empty-line": {"body": ""}, "gone-line": {**_square(8), "hidden": True},
                "home-fill": _square(10), "car-2-fill": {**_square(12), "width": 40}, "cars-fill": _square(14),
            },
            "width": 20, "height": 20,
        },
    )  # fmt: skip
    _write(json_folder / "tiny-secret.json", {"icons": {"home": _square(2, "#123456")}, "width": 20, "height": 20})
    info = {"author": {"name": "Ann", "url": "https://a.example"},
            "license": {"title": "MIT License", "spdx": "MIT", "url": "https://l.example"}}  # fmt: skip
    _write(
        folder / "iconify/package/collections.json",
        {name: {"name": name.title(), **info} for name in ("tiny", "tiny-emoji", "tiny-secret")},
    )
    assets = folder / "fluent/package/assets"
    assets.mkdir(parents=True)
    Image.new("RGBA", (256, 256), (0, 0, 0, 0)).save(assets / "1f1e9-1f1ea.webp")
    glossy = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    glossy.paste((200, 30, 30, 255), (64, 64, 192, 192))
    glossy.save(assets / "2602-fe0f.webp", lossless=True)
    glossy.save(assets / "1f3e0-1f3fb.webp", lossless=True)
    return folder


def _rows(folder: Path) -> dict[str, dict[str, object]]:
    rows = [row for shard in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(shard).to_pylist()]
    return {row["image_id"]: row for row in rows}


def test_build_names_the_same_thing_the_same_way_in_every_set(packages: Path, tmp_path: Path) -> None:
    build_corpus(packages, tmp_path / "out")
    rows = _rows(tmp_path / "out")
    assert {rows[i]["concept"] for i in ("tiny-emoji/house", "tiny-line/home", "tiny-fill/home")} == {"house"}
    assert {rows[i]["concept"] for i in ("tiny-emoji/automobile", "tiny-line/car", "tiny-fill/car-2")} == {"car"}
    assert rows["tiny-fill/cars"]["concept"] == "car" and rows["tiny-fill/cars"]["caption"] == "cars"
    assert rows["tiny-emoji/house"]["style_coverage"] == 3
    assert rows["tiny-3d/umbrella"]["tags"] == ["umbrella tag"]


def test_build_leaves_out_flags_skin_tones_struck_repeated_blank_and_hidden_icons(
    packages: Path, tmp_path: Path
) -> None:
    build_corpus(packages, tmp_path / "out")
    names = {image_id for image_id in _rows(tmp_path / "out") if "+" not in image_id}
    assert names == {
        "tiny-emoji/house", "tiny-emoji/automobile", "tiny-emoji/umbrella", "tiny-3d/umbrella", "tiny-line/home",
        "tiny-line/car", "tiny-line/umbrella", "tiny-line/wifi-off", "tiny-fill/home", "tiny-fill/car-2",
        "tiny-fill/cars",
    }  # fmt: skip


def test_variants_share_the_split_and_words_of_their_source(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "KEPT_FRACTION", 0.5)
    build_corpus(packages, tmp_path / "out")
    rows = _rows(tmp_path / "out")
    variants = [row for row in rows.values() if "+" in str(row["style"])]
    assert {row["style"] for row in variants} == {"tiny-line+red", "tiny-emoji+pencil"}
    for row in variants:
        source = rows[f"{str(row['style']).split('+')[0]}/{str(row['image_id']).split('/')[1]}"]
        assert [row[key] for key in ("split", "concept", "caption")] == [
            source[key] for key in ("split", "concept", "caption")
        ]
    assert {row["split"] for row in rows.values()} == {"train", "kept"}


def test_two_builds_are_equal(packages: Path, tmp_path: Path) -> None:
    first, second = build_corpus(packages, tmp_path / "a"), build_corpus(packages, tmp_path / "b")
    assert first == second
    assert list(_rows(tmp_path / "a").items()) == list(_rows(tmp_path / "b").items())


def test_held_out_styles_are_never_mixed_with_training_styles(packages: Path, tmp_path: Path) -> None:
    training = build_corpus(packages, tmp_path / "training")
    held_out = build_corpus(packages, tmp_path / "held_out", held_out=True)
    assert set(held_out["counts"]) == {"tiny-secret"}
    assert not set(training["counts"]) & set(held_out["counts"])
    secret = _rows(tmp_path / "held_out")["tiny-secret/home"]
    assert secret["concept"] == "house" and secret["style_coverage"] == 3


def test_credits_name_author_and_licence_of_every_set(packages: Path, tmp_path: Path) -> None:
    build_corpus(packages, tmp_path / "out")
    text = (tmp_path / "out/CREDITS.md").read_text()
    for expected in ("tiny-line", "tiny-3d", "[Ann](https://a.example)", "[MIT License](https://l.example)"):
        assert expected in text


def test_read_corpus_gives_images_in_their_colours_on_the_size_asked(packages: Path, tmp_path: Path) -> None:
    build_corpus(packages, tmp_path / "out")
    read = read_corpus(tmp_path / "out", 16)
    assert read.images.shape == (len(read), 16, 16, 3) and read.images.dtype == np.uint8
    assert read.image_id == list(_rows(tmp_path / "out"))
    red_on_navy = read.images[read.image_id.index("tiny-line+red/home")]
    assert red_on_navy[0, 15].tolist() == [0, 0, 128] and red_on_navy[8, 3].tolist() == [255, 0, 0]
    wide = read.images[read.image_id.index("tiny-fill/car-2")]
    assert wide[0, 0].tolist() == [255, 255, 255] and wide[8, 6].max() < 40, "a wide icon is centred on a white square"
    assert set(read.split) <= {"train", "kept"} and read.coverage.dtype == np.int32


def test_errors_say_what_is_missing_and_what_to_do(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CorpusError, match=r"no part-\*.parquet in .*nothing; build the corpus first"):
        read_corpus(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"size_px must be in 1..128, got 129"):
        read_corpus(tmp_path / "nothing", 129)
    with pytest.raises(CorpusError, match=r"data.json is missing; fetch the packages first"):
        build_corpus(tmp_path / "nothing", tmp_path / "out")
    build_corpus(packages, tmp_path / "out")
    with pytest.raises(CorpusError, match=r"out already holds a corpus"):
        build_corpus(packages, tmp_path / "out")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CorpusError, match=r"npm is needed to fetch @iconify/json@2.2.535"):
        fetch_packages(tmp_path / "fresh")


@pytest.mark.parametrize("filtered", corpus.FILTERS, ids=lambda filtered: filtered.variant)
def test_filters_change_the_image_keep_its_size_and_repeat_exactly(filtered: corpus.Filtered) -> None:
    image = Image.new("RGB", (128, 128), "white")
    image.paste((220, 60, 30), (30, 40, 100, 90))
    once, again = filtered.apply(image), filtered.apply(image)
    assert once.size == image.size and once.mode == "RGB"
    assert once.tobytes() == again.tobytes() != image.tobytes()


def test_every_style_has_phrases_and_no_style_is_both_training_and_held_out() -> None:
    variants = {f"{v.base}+{v.variant}" for v in (*corpus.RECOLOURS, *corpus.FILTERS)}
    assert set(corpus.style_phrases()) == {s.style for s in corpus.BASE_SETS} | variants
    assert set(corpus.held_out_phrases()) == {s.style for s in corpus.HELD_OUT_SETS}
    assert len(corpus.BASE_SETS) == 33 and len(corpus.HELD_OUT_SETS) == 5
    for phrases in (*corpus.style_phrases().values(), *corpus.held_out_phrases().values()):
        assert 3 <= len(phrases) <= 4 and len(set(phrases)) == len(phrases)
        assert not any(phrase.endswith(("style", ".")) for phrase in phrases)
    assert not {s.collection for s in corpus.BASE_SETS} & {s.collection for s in corpus.HELD_OUT_SETS}
