"""The usable icons of each set, each with its drawing and with what it shows; nothing is rendered here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.corpus.captions import describe
from data.corpus.emoji import EmojiNames, hex_key, plain_words
from data.corpus.packages import read_json
from data.corpus.sets import IconSet
from data.corpus.synonyms import SYNONYMS

_PLAIN_EXISTS = ("-off", "-circle", "-slash", "-outline", "-outlined", "-filled", "-sharp")
"""Endings left out when the name without them is in the set too."""

_TABLER_MODIFIERS = (
    "bolt|cancel|check|code|cog|discount|dollar|down|edit|exclamation|heart|minus|pause|pin|plus|question|search|share|"
    "star|up|x|left|right|dots|stats|bitcoin|euro|pound|rupee|yen|yuan"
)
"""Tabler repeats its things with each of these small badges; only the plain thing is used."""

_TABLER_SERIES = (
    "-off-|^letter-|^number-|^(circle|square|hexagon)-(letter|number)|^square-rounded-|^circle-dashed-|^currency-|"
    "^device-(imac|ipad|mobile|laptop|desktop|tablet|watch)-|-.*-"
)
"""Letters, coins, the badges of devices, and names of three words and more, which say more than the icon shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Icon:
    """One image to be made, and what it shows."""

    style: str
    name: str
    concept: str
    caption: str
    tags: tuple[str, ...]
    svg: str = ""
    webp: str = ""
    """Path of a ready image, where there is no SVG."""

    @property
    def image_id(self) -> str:
        """The image's name in the corpus."""
        return f"{self.style}/{self.name}"


def list_icons(packages: Path, sets: Sequence[IconSet], emoji: EmojiNames) -> list[Icon]:
    """All icons of the sets, without rendering anything; `concept` is still the caption."""
    listed: list[Icon] = []
    for icon_set in sets:
        listed += (_list_drawings if icon_set.collection else _list_renders)(packages, icon_set, emoji)
    return listed


def _list_renders(packages: Path, icon_set: IconSet, emoji: EmojiNames) -> Iterator[Icon]:
    """The WebP renders of the fluent package, named by hexcode."""
    for path in sorted((packages / "fluent/package/assets").glob("*.webp")):
        hexcode = hex_key(path.stem)
        if hexcode not in emoji.label or emoji.is_left_out(hexcode):
            continue
        name = emoji.label[hexcode].replace(" ", "-")
        caption, tags = describe(name, icon_set, hexcode, emoji)
        yield Icon(style=icon_set.style, name=name, concept=caption, caption=caption, tags=tags, webp=str(path))


def _list_drawings(packages: Path, icon_set: IconSet, emoji: EmojiNames) -> Iterator[Icon]:
    """The SVG drawings of a set in the iconify package."""
    data = read_json(packages / f"iconify/package/json/{icon_set.collection}.json")
    icons = data["icons"] | _aliases(data, icon_set, emoji)
    hexcodes = {name: hex_key(code) for code, name in data.get("chars", {}).items()}
    flags = set(data.get("categories", {}).get("Flags", ()))
    for full, name in _usable_names(icon_set, icons):
        hexcode = None
        if icon_set.is_emoji:
            hexcode = hexcodes.get(full) or emoji.find(plain_words(name))
            if full in flags or (hexcode and emoji.is_left_out(hexcode)):
                continue
            if hexcode not in emoji.label:
                hexcode = None
        caption, tags = describe(name, icon_set, hexcode, emoji)
        if not caption or (len(caption) == 1 and not icon_set.is_emoji):
            caption = plain_words(name)
        svg = _svg(icons[full], data, icon_set.zoom)
        yield Icon(style=icon_set.style, name=name, concept=caption, caption=caption, tags=tags, svg=svg)


def _aliases(data: dict[str, Any], icon_set: IconSet, emoji: EmojiNames) -> dict[str, dict[str, Any]]:
    """Second names of icons, of things with known names: where two styles would not differ, a set draws only once."""
    added: dict[str, dict[str, Any]] = {}
    if not icon_set.suffix:
        return added
    for alias, entry in data.get("aliases", {}).items():
        if alias.endswith(icon_set.suffix) and set(entry) == {"parent"} and entry["parent"] in data["icons"]:
            caption, tags = describe(alias.removesuffix(icon_set.suffix), icon_set, None, emoji)
            if caption in SYNONYMS or tags:
                added[alias] = data["icons"][entry["parent"]]
    return added


def _usable_names(icon_set: IconSet, icons: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(full name, name without the style's suffix) of the icons of a set that are used, in the set's order."""
    plain = {}
    for full, icon in icons.items():
        if icon.get("hidden") or not full.endswith(icon_set.suffix):
            continue
        if icon_set.without and re.search(icon_set.without, full):
            continue
        plain[full[: len(full) - len(icon_set.suffix)]] = full
    for name, full in plain.items():
        if re.search(r"skin-tone|^flag-|^regional-indicator", name) and icon_set.is_emoji:
            continue
        repeats = any(name.endswith(end) and name[: -len(end)] in plain for end in _PLAIN_EXISTS)
        # The two pixel sets draw these endings in a way of their own, and would lose a third of their images.
        redrawn = icon_set.collection in ("dinkie-icons", "pixelarticons") and re.search("-filled$|-sharp$", name)
        if repeats and not redrawn:
            continue
        if icon_set.style == "tabler":
            stem, _, last = name.rpartition("-")
            if (re.fullmatch(_TABLER_MODIFIERS, last) and stem in plain) or re.search(_TABLER_SERIES, name):
                continue
        yield full, name


def _svg(icon: dict[str, Any], data: dict[str, Any], zoom: float) -> str:
    """The whole SVG: the icon, its ink still `black`, in the middle of a square."""
    width, height = (icon.get(key, data.get(key, 16)) for key in ("width", "height"))
    left, top = (icon.get(key, data.get(key, 0)) for key in ("left", "top"))
    side = max(width, height) / zoom
    box = f"{left - (side - width) / 2:g} {top - (side - height) / 2:g} {side:g} {side:g}"
    body = icon["body"].replace("currentColor", "black")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}" '
        f'width="{side:g}" height="{side:g}">{body}</svg>'
    )
