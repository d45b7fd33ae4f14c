"""What an icon shows, in words that are the same in every set.

A caption is the thing's name ("cars"), a concept the key under which all styles show it ("car").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from data.corpus.emoji import EmojiNames, plain_words
from data.corpus.sets import IconSet
from data.corpus.synonyms import SET_NAMES, SYNONYM_OF, SYNONYMS

_SHAPE_WORDS = re.compile(r" (minimalistic|rounded|alt\d?|filled|sharp|simple|\d+)$")
_NUMERAL_WORDS = re.compile(r"(?<=.) (one|two|three|four|five|six)$")
"""How icon-park counts its drawings of one thing."""

_NO_SINGULAR = {"glasses", "leaves", "times", "cheers"}
"""Their singular is another thing."""


def describe(name: str, icon_set: IconSet, hexcode: str | None, emoji: EmojiNames) -> tuple[str, tuple[str, ...]]:
    """The caption and tags of an icon; `hexcode` is that of an emoji with a label, where the icon shows one."""
    if icon_set.prefixes:
        name = re.sub(rf"^(?:{icon_set.prefixes})-(?=[a-z])", "", name)
    words = plain_words(name)
    own = SET_NAMES.get(icon_set.style, {})
    if words in own:
        words = own[words]
        return SYNONYM_OF.get(words, words), emoji.tags_of(words)
    if hexcode is None:
        words = _without_shape(emoji.split(words) if icon_set.style == "fxemoji" else words, icon_set)
        if words not in SYNONYMS:
            hexcode = emoji.find(SYNONYM_OF.get(words, words))
    if hexcode is not None and hexcode in emoji.label:
        label = emoji.label[hexcode]
        renamed = (label,) if label in SYNONYM_OF else ()
        return SYNONYM_OF.get(label, label), tuple(dict.fromkeys((*emoji.tags[hexcode], *renamed)))
    caption = own.get(words, SYNONYM_OF.get(words, words))
    return caption, emoji.tags_of(caption) if caption in SYNONYMS else ()


def _without_shape(words: str, icon_set: IconSet) -> str:
    """The thing alone, without the words and numbers that say which drawing of it this is."""
    words = re.sub(r"(?<=[a-z]{3})\d+$", "", words)
    while (shorter := _SHAPE_WORDS.sub("", words)) != words:
        words = shorter
    return _NUMERAL_WORDS.sub("", words) if icon_set.collection.startswith("icon-park") else words


def concepts(captions: Iterable[str]) -> dict[str, str]:
    """Caption -> concept: plurals join the singular where both are shown."""
    known = set(captions)
    return {caption: singular if (singular := _singular(caption)) in known else caption for caption in known}


def _singular(phrase: str) -> str:
    head, _, last = phrase.rpartition(" ")
    if last in _NO_SINGULAR:
        return phrase
    if last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif re.search("(ch|sh|x|ss)es$", last):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return f"{head} {last}".strip()
