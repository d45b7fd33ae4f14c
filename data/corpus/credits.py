"""Who drew the sets and under which licence: what the corpus, and every base trained on it, must name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data.corpus.packages import read_json
from data.corpus.sets import IconSet

_FLUENT_3D = {
    "set": "Fluent Emoji 3D",
    "author": "Microsoft; packaged by LobeHub",
    "source": "https://github.com/lobehub/fluent-emoji",
    "licence": "MIT",
    "spdx": "MIT",
    "url": "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE",
}
"""The one set that is not in the iconify package."""

_HEAD = """\
# Credits

Every image was rendered from one of these sets at 128x128 px on white. For training, icons are also drawn
in other colours, strokes, grounds and textures. The sets' authors endorse neither this corpus nor models
trained on it.

| style | set | author | licence | SPDX |
|---|---|---|---|---|
"""

_FOOT = """
Names and keywords of emoji: Unicode CLDR through emojibase-data (MIT).
"""


def read_licences(packages: Path, sets: Sequence[IconSet]) -> dict[str, dict[str, str]]:
    """Style -> its set's name, author and licence, as the packages state them."""
    collections = read_json(packages / "iconify/package/collections.json")
    licences: dict[str, dict[str, str]] = {}
    for icon_set in sets:
        if not icon_set.collection:
            licences[icon_set.style] = _FLUENT_3D
            continue
        info = collections[icon_set.collection]
        author, licence = info.get("author", {}), info["license"]
        licences[icon_set.style] = {
            "set": info["name"],
            "author": author.get("name", ""),
            "source": author.get("url", ""),
            "licence": licence["title"],
            "spdx": licence["spdx"],
            "url": licence.get("url", ""),
        }
    return licences


def write_credits(licences: Mapping[str, Mapping[str, str]], path: Path) -> None:
    """Write a page that names all of them."""
    table = "".join(
        f"| {style} | {credit['set']} | [{credit['author']}]({credit['source']}) "
        f"| [{credit['licence']}]({credit['url']}) | {credit['spdx']} |\n"
        for style, credit in licences.items()
    )
    path.write_text(_HEAD + table + _FOOT, encoding="utf-8")
