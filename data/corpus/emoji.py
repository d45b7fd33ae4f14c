"""CLDR names of emoji: the common language in which icon sets name what they show.

Sets name an emoji by its hexcode, its CLDR label, or an older name; `EmojiNames` finds it by each of them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from data.corpus.packages import read_json

_FLAGS_AND_PARTS = (2, 9, None)
"""Groups of emojibase that are not used: components, flags, and regional indicators, which have no group."""

_NAMED_SETS = ("noto", "twemoji", "fluent-emoji-flat")
"""Sets whose names for emoji are learnt, so that sets without hexcodes may use them."""

_MORE_WORDS = ("building", "square", "white", "black", "letter", "small", "large", "headed", "clockwise",
               "anticlockwise")  # fmt: skip


def hex_key(hexcode: str) -> str:
    """A hexcode without its variation selectors, so that all packages agree on it."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def plain_words(text: str) -> str:
    """Lower-case words of letters and digits, one blank between them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", "")
    return " ".join(re.findall(r"[a-z0-9]+", plain))


@dataclass(frozen=True, slots=True)
class EmojiNames:
    """Labels and tags of emoji by hexcode, and hexcodes by any known name."""

    label: dict[str, str] = field(default_factory=dict)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    not_used: set[str] = field(default_factory=set)
    """Hexcodes of flags and of parts of emoji."""
    vocabulary: set[str] = field(default_factory=set)
    """Words at which `split` cuts."""
    _hexcode_of: dict[str, str] = field(default_factory=dict)
    """Any known name, without blanks -> hexcode."""

    def add_name(self, words: str, hexcode: str) -> None:
        """Let `find` know one more name; a name that is known already stays with its first emoji."""
        self._hexcode_of.setdefault(words.replace(" ", ""), hexcode)

    def find(self, words: str) -> str | None:
        """The hexcode of the emoji with this name, however its words are separated."""
        return self._hexcode_of.get(words.replace(" ", ""))

    def tags_of(self, words: str) -> tuple[str, ...]:
        """The tags of the emoji with this name; none where there is no such emoji."""
        return self.tags.get(self.find(words) or "", ())

    def is_left_out(self, hexcode: str) -> bool:
        """Whether it is a flag, a part of an emoji, or an emoji in one of the skin tones."""
        return hexcode in self.not_used or re.search("1f3f[b-f]|^1f1[ef]", hexcode) is not None

    def split(self, joined: str) -> str:
        """Cut words written together ("housewithgarden") at known words; unknown text is returned as it is."""
        best: dict[int, tuple[int, list[str]]] = {0: (0, [])}  # end -> cost and words of the cheapest cut up to it
        for end in range(1, len(joined) + 1):
            for start in range(max(0, end - 16), end):
                word = joined[start:end]
                if start not in best or not (word in self.vocabulary or word.isdigit()):
                    continue
                cost = best[start][0] + (1 if len(word) > 2 else 3)
                if end not in best or cost < best[end][0]:
                    best[end] = (cost, [*best[start][1], word])
        return " ".join(best[len(joined)][1]) if len(joined) in best else joined


def read_emoji_names(packages: Path) -> EmojiNames:
    """Learn the names of all emoji from emojibase, from Unicode, and from the sets that name them well."""
    names = EmojiNames()
    for entry in read_json(packages / "emojibase/package/en/data.json"):
        key = hex_key(entry["hexcode"])
        names.label[key] = plain_words(entry["label"])
        names.tags[key] = tuple(entry.get("tags", ()))
        if entry.get("group") in _FLAGS_AND_PARTS:
            names.not_used.add(key)
        names.add_name(names.label[key], key)
    for key in names.label:
        if "-" not in key:
            names.add_name(plain_words(unicodedata.name(chr(int(key, 16)), "")), key)
    for collection in _NAMED_SETS:
        _add_names_of_set(names, packages / f"iconify/package/json/{collection}.json")
    for label in names.label.values():
        names.vocabulary.update(word for word in label.split() if len(word) > 1 or word == "a")
    for tags in names.tags.values():
        names.vocabulary.update(word for tag in tags for word in plain_words(tag).split() if len(word) > 2)
    names.vocabulary.update(_MORE_WORDS)
    return names


def _add_names_of_set(names: EmojiNames, path: Path) -> None:
    if not path.is_file():
        return
    data = json.loads(path.read_text(encoding="utf-8"))
    by_name = {name: hex_key(code) for code, name in data.get("chars", {}).items()}
    for alias, entry in data.get("aliases", {}).items():
        if entry["parent"] in by_name:
            by_name.setdefault(alias, by_name[entry["parent"]])
    for name, key in by_name.items():
        names.add_name(plain_words(name), key)
