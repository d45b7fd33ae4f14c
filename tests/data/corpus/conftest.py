"""A tiny package folder made here, which the tests of the corpus build from; no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from data.corpus import build
from data.corpus.sets import IconSet

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


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The npm packages as if they had been fetched: three things in a few sets."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(build, "BASE_SETS", SETS)
        patched.setattr(build, "HELD_OUT_SETS", HELD_OUT)
        yield _write_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def built(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus of these packages, for tests that only read it."""
    folder = tmp_path_factory.mktemp("corpus") / "out"
    build.build_corpus(packages, folder)
    return folder


def _write_packages(folder: Path) -> Path:
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
