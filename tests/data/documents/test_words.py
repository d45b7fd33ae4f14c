import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.documents.words import (
    checked_phrase,
    checked_statement,
    checked_words,
    content_key,
    shared_contents,
    shown,
    unseen_characters,
    without_contents,
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  in   flat\n style\t", "in flat style"),
        ("cafe\u0301", "café"),
        ("a\u00a0cat", "a cat"),
        ("☀\ufe0f sun", "☀\ufe0f sun"),
        ("浮世絵", "浮世絵"),
    ],
)
def test_words_are_kept_as_they_are_seen(written: str, kept: str) -> None:
    assert checked_phrase(written) == kept


UNSEEN = [
    "\0",
    "\x07",
    "\x7f",
    "\u00ad",
    "\u200b",
    "\u200d",
    "\u200e",
    "\u202e",
    "\u2060",
    "\u3164",
    "\ufeff",
    "\U000e0041",
    "\ud800",
    "\u2800",
    "a\ufe0f",
    "\ue000",
    "\U0010fffd",
    "\ufdd0",
    "\uffff",
    "\ufffc",
    "\ufffd",
]


@pytest.mark.parametrize("character", UNSEEN)
def test_what_cannot_be_seen_is_refused_by_its_number(character: str) -> None:
    with pytest.raises(ValueError, match=f"got U\\+{ord(character[-1]):04X} "):
        checked_words(f"in flat{character} style")


@pytest.mark.parametrize("said", ["...", "!", "-", "( )", "«»"])
def test_a_phrase_has_a_letter_a_number_or_a_sign(said: str) -> None:
    with pytest.raises(ValueError, match=f"expected a phrase, got {re.escape(repr(said))} alone"):
        checked_phrase(said)
    assert [checked_phrase(one) for one in ("5", "☀", "🐱", "قمر", "月")] == ["5", "☀", "🐱", "قمر", "月"]


@pytest.mark.parametrize("said", ["none", "None", "N/A", "n.a.", "nan", "NULL", "unknown", "NOASSERTION", "tbd", "No"])
def test_a_statement_says_something(said: str) -> None:
    with pytest.raises(ValueError, match="which says nothing; write down what holds"):
        checked_statement(said)
    assert checked_statement("None of it is mine: by letter") == "None of it is mine: by letter"


@pytest.mark.parametrize("same", ["moon", "Moon", "MOON", "a moon", "The  Moon", "ｍｏｏｎ", "moon.", "‘moon’"])
def test_case_article_and_unicode_form_do_not_hide_a_content(same: str) -> None:
    assert shared_contents([same], ["moon"]) == [same]
    assert without_contents((same, "tree"), ["moon"]) == ("tree",)


@pytest.mark.parametrize("other", ["moons", "half moon", "mo on", "月"])
def test_other_words_are_another_content(other: str) -> None:
    assert shared_contents([other], ["moon"]) == []


def test_contents_without_a_letter_or_of_articles_alone_keep_their_own_key() -> None:
    assert len({content_key(phrase) for phrase in ("★", "♥", "a", "the", "A the")}) == 5
    assert content_key("ice-cream") == content_key("Ice cream")
    assert content_key("cafe\u0301") == content_key("Café")


@given(st.text(max_size=200))
def test_words_that_are_accepted_stay_as_they_are_and_hide_nothing(text: str) -> None:
    assert not unseen_characters(shown(text).replace("\\u", ""))
    try:
        words = checked_words(text)
    except ValueError:
        return
    assert checked_words(words) == words == unicodedata.normalize("NFC", words)
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs") for one in words)
    assert content_key(words) == content_key(words.upper().lower()) or words.upper().lower() != words.lower()
