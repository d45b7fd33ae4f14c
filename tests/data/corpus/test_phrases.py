"""Phrases of the real styles, held against the tables of sets."""

from __future__ import annotations

from data.corpus.phrases import held_out_phrases, style_phrases
from data.corpus.sets import BASE_SETS, HELD_OUT_SETS


def test_every_style_has_phrases_and_no_style_is_both_training_and_held_out() -> None:
    assert set(style_phrases()) == {s.style for s in BASE_SETS}
    assert set(held_out_phrases()) == {s.style for s in HELD_OUT_SETS}
    assert len(BASE_SETS) == 33 and len(HELD_OUT_SETS) == 5
    for phrases in (*style_phrases().values(), *held_out_phrases().values()):
        assert 3 <= len(phrases) <= 4 and len(set(phrases)) == len(phrases)
        assert not any(phrase.endswith(("style", ".")) for phrase in phrases)
    assert not {s.collection for s in BASE_SETS} & {s.collection for s in HELD_OUT_SETS}
