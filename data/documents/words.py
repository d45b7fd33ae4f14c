"""Words that people write: used whole, as they stand, or refused; and when two phrases name the same content."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator

Said = TypeVar("Said")

Likeness = Literal["Style", "Subject"]
LIKENESS: dict[str, Likeness] = {"style": "Style", "subject": "Subject"}
"""What the likeness to the references is called, by the kind of what is learnt from them."""

MAX_PHRASE_CHARACTERS = 300
"""More than a contact sheet or a card can show. What a base reads is less, and counted by its own text encoder."""

ARTICLES = frozenset({"a", "an", "the"})

_UNSEEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co")
"""Control characters, formats (zero-width ones among them), halves of characters, those that every font draws anew."""
_UNSEEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\ufffd")
"""Letters, marks and signs that are drawn as nothing: joiners, fillers, Braille's blank; and what stands for something
that got lost."""
_SAYS_NOTHING = frozenset({"na", "nan", "nat", "none", "null", "nil", "unknown", "noassertion", "tbd", "todo", "no"})
"""What spreadsheets, pandas, SPDX and people put where they know nothing."""
_VARIATIONS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""Variation selectors."""


def checked_words(words: str) -> str:
    """The words in Unicode's composed form, with single blanks; they may be empty.

    Raises:
        ValueError: if they hold what cannot be seen, or are too many.
    """
    words = unicodedata.normalize("NFC", " ".join(words.split()))
    unseen = unseen_characters(words)
    if unseen:
        named = ", ".join(f"U+{ord(one):04X} {_name(one)}" for one in unseen[:4])
        raise ValueError(f"expected characters that can be seen, got {named} in {words!a:.80}; remove them")
    if len(words) > MAX_PHRASE_CHARACTERS:
        raise ValueError(f"expected at most {MAX_PHRASE_CHARACTERS} characters, got {len(words)}; shorten it")
    return words


def checked_phrase(phrase: str) -> str:
    """As `checked_words`, and not empty.

    Raises:
        ValueError: if it is empty, too long, or holds what cannot be seen.
    """
    phrase = checked_words(phrase)
    if not phrase:
        raise ValueError("expected a phrase, got an empty one; say in a few words what is meant")
    if not any(unicodedata.category(one)[0] in "LNS" for one in phrase):
        raise ValueError(f"expected a phrase, got {phrase!r} alone; say in a few words what is meant")
    return phrase


def checked_statement(statement: str) -> str:
    """As `checked_phrase`, and not what tables write where nothing is said.

    Raises:
        ValueError: if it is no phrase, or says nothing.
    """
    statement = checked_phrase(statement)
    if "".join(one for one in statement.casefold() if one.isalnum()) in _SAYS_NOTHING:
        raise ValueError(f"expected a statement, got {statement!r}, which says nothing; write down what holds")
    return statement


def checked_slug(name: str) -> str:
    """The name as it is, if it can be a part of an address.

    Raises:
        ValueError: if it cannot.
    """
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){0,63}", name):
        raise ValueError(
            f"expected 1 to 64 characters a-z and 0-9, joined by single '-', got {name!r}; it is a part of an address"
        )
    return name


Slug = Annotated[str, AfterValidator(checked_slug)]
Words = Annotated[str, AfterValidator(checked_words)]
Phrase = Annotated[str, AfterValidator(checked_phrase)]
Statement = Annotated[str, AfterValidator(checked_statement)]


def each_once(phrases: tuple[Said, ...]) -> tuple[Said, ...]:
    """The phrases, none of which stands twice.

    Raises:
        ValueError: naming those that do.
    """
    twice = list(dict.fromkeys(phrase for number, phrase in enumerate(phrases) if phrase in phrases[:number]))
    if twice:
        raise ValueError(f"expected each phrase once, got {twice} more than once; remove the copies")
    return phrases


def whole_prompt(content_phrase: str, style_phrase: str) -> str:
    """What the text encoder is given."""
    return f"{content_phrase} {style_phrase}".strip()


def phrase_without(phrase: str, words: Iterable[str]) -> str:
    """`phrase` with each of `words` left out, where it stands first.

    Raises:
        ValueError: if some of `words` do not stand in it, or nothing is left.
    """
    left = phrase.split()
    for one in words:
        parts = one.split()
        starts = range(len(left) - len(parts) + 1)
        start = next((start for start in starts if left[start : start + len(parts)] == parts), None)
        if start is None:
            raise ValueError(f"expected words of {phrase!r} to leave out, got {one!r}; write them as they stand there")
        del left[start : start + len(parts)]
    if not left:
        raise ValueError(f"expected to leave some of {phrase!r}, got all of it to leave out; keep a word")
    return " ".join(left)


def content_key(phrase: str) -> str:
    """The same for phrases that differ only in case, articles, punctuation or Unicode form ("Moon", "the moon")."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", phrase).casefold())
    words = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in folded).split()
    return " ".join(word for word in words if word not in ARTICLES) or " ".join(words) or folded


def shared_contents(phrases: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those of `phrases` that name the same as one of `others`, sorted."""
    keys = {content_key(other) for other in others}
    return sorted({phrase for phrase in phrases if content_key(phrase) in keys})


def without_contents(phrases: tuple[str, ...], others: Collection[str]) -> tuple[str, ...]:
    """`phrases`, less those that name the same as one of `others`."""
    shared = shared_contents(phrases, others)
    return tuple(phrase for phrase in phrases if phrase not in shared)


def unseen_characters(text: str) -> list[str]:
    """What in `text` is drawn as nothing, each once: control and zero-width characters, fillers, half ones."""
    before = ["", *text]
    return list(
        dict.fromkeys(
            one for last, one in zip(before, text, strict=False) if _is_unseen(one) and not _is_emoji(last + one)
        )
    )


def shown(text: str, length: int = 2000) -> str:
    """`text` as one line that any table or database takes: what cannot be seen is written as its number."""
    seen = "".join(one if not _is_unseen(one) else f"\\u{ord(one):04x}" for one in " ".join(text.split()))
    return seen if len(seen) <= length else f"{seen[: length - 1]}…"


def _name(character: str) -> str:
    is_control = unicodedata.category(character) == "Cc"
    return unicodedata.name(character, "a control character" if is_control else "a character without a name")


def _is_emoji(pair: str) -> bool:
    return pair[1:] == "\ufe0f" and unicodedata.category(pair[0]) == "So"


def _is_unseen(character: str) -> bool:
    # By number: characters that Unicode promises never to have.
    return (
        unicodedata.category(character) in _UNSEEN_CATEGORIES
        or character in _UNSEEN_LETTERS
        or ord(character) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(character) <= 0xFDEF
        or any(ord(character) in variations for variations in _VARIATIONS)
    )
