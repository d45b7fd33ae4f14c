"""The words of a corpus: what its icons show, and how its training styles are said."""

from __future__ import annotations

from data.corpus.arrays import Corpus
from data.corpus.looks import LINE
from data.corpus.phrases import style_phrases

MIN_STYLES = 15
"""A content that fewer sets show is hardly told from others."""

INKS = (
    "black",
    "dark grey",
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "navy blue",
    "purple",
    "pink",
    "brown",
)


def contents_of(corpus: Corpus) -> list[str]:
    """The concepts that many of its styles show."""
    return sorted(set(corpus.concept[corpus.coverage >= MIN_STYLES].tolist()))


def looks() -> list[str]:
    """All phrasings of training styles, and of lines in named inks, each once."""
    whole = [phrase for phrases in style_phrases().values() for phrase in phrases]
    inked = [phrase.format(ink=ink) for phrases in LINE.values() for phrase in phrases for ink in INKS]
    return list(dict.fromkeys([*whole, *inked]))
