"""Phrases of the real styles, held against the tables of sets."""

from __future__ import annotations

from data.corpus import BASE_SETS, FILTERS, HELD_OUT_SETS, RECOLOURS, held_out_phrases, style_phrases
from data.corpus.recolours import BY_RULE, COLOURS, FILLED, FILLED_LOOKS, FILLS, INKS, LOOKS, PAIRS_OF_EACH_SET


def test_every_style_has_phrases_and_no_style_is_both_training_and_held_out() -> None:
    variants = {f"{v.base}+{v.variant}" for v in (*RECOLOURS, *FILTERS)}
    assert set(style_phrases()) == {s.style for s in BASE_SETS} | variants
    assert set(held_out_phrases()) == {s.style for s in HELD_OUT_SETS}
    assert len(BASE_SETS) == 33 and len(HELD_OUT_SETS) == 5
    for phrases in (*style_phrases().values(), *held_out_phrases().values()):
        assert 3 <= len(phrases) <= 4 and len(set(phrases)) == len(phrases)
        assert not any(phrase.endswith(("style", ".")) for phrase in phrases)
    assert not {s.collection for s in BASE_SETS} & {s.collection for s in HELD_OUT_SETS}


def test_recolours_by_rule_mix_sets_with_colours_and_name_both_as_they_are() -> None:
    assert len({(one.base, one.variant) for one in RECOLOURS}) == len(RECOLOURS)
    assert len(LOOKS) * PAIRS_OF_EACH_SET - len(BY_RULE) == 1, "red ph-fill on cream is made by hand"
    for one in BY_RULE:
        ink, ground = (part.replace("-", " ") for part in one.variant.split("-on-"))
        assert (one.ink, one.ground) == (COLOURS[ink], COLOURS[ground])
        assert all(ink in phrase for phrase in one.phrases)
        assert ground in one.phrases[0]
        assert abs(_lightness(one.ink) - _lightness(one.ground)) > 0.2, one
    of_set = {base: frozenset(one.variant for one in BY_RULE if one.base == base) for base in LOOKS}
    assert len(set(of_set.values())) == len(of_set), "no two sets have the same colours"
    for ink in INKS:
        assert len({one.base for one in BY_RULE if one.ink == INKS[ink]}) >= 3, ink


def test_fills_by_rule_mix_and_never_meet_as_in_a_held_out_style() -> None:
    pairs = {tuple(part.replace("-", " ") for part in one.variant.split("-and-")) for one in FILLED}
    assert len(pairs) == len(FILLED) and ("navy blue", "pale blue") not in pairs
    for one in FILLED:
        ink, fill = (part.replace("-", " ") for part in one.variant.split("-and-"))
        assert (one.ink, one.fill) == (COLOURS[ink], COLOURS[fill])
        assert all(ink in phrase and fill in phrase for phrase in one.phrases)
    for fill in FILLS:
        assert {one.base for one in FILLED if one.variant.endswith(fill.replace(" ", "-"))} == set(FILLED_LOOKS), fill


def _lightness(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
