"""The space of looks: what is drawn, what is kept, what is never drawn, and the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.corpus.colours import WHITE, Colour, draw_colour
from data.corpus.looks import (
    KEPT_SHARE,
    LINE,
    Look,
    draw_look,
    imitates_held_out,
    is_kept,
    is_left_out,
    key_of,
    words_of,
)
from data.corpus.phrases import style_phrases
from data.corpus.sets import BASE_SETS, ONE_COLOUR

NAVY: Colour = (0.05, 0.1, 0.4)
PALE_BLUE: Colour = (0.8, 0.85, 1.0)
GREEN: Colour = (0.1, 0.6, 0.2)
BLUE: Colour = (0.1, 0.2, 0.9)
RED: Colour = (0.9, 0.1, 0.1)
GREY: Colour = (0.6, 0.6, 0.6)
STYLES = [one.style for one in BASE_SETS]
PHRASES = {style: tuple(phrases) for style, phrases in style_phrases().items()}


def drawn(count: int, *, kept: bool = False, seed: int = 0) -> list[Look]:
    rng = np.random.default_rng(seed)
    return [draw_look(STYLES[number % len(STYLES)], rng, kept=kept) for number in range(count)]


def all_words(look: Look) -> str:
    return words_of(look, PHRASES[look.style], np.random.default_rng(0), all_words=True)


def test_no_look_that_training_draws_is_left_out_and_kept_ones_all_are() -> None:
    assert not any(is_left_out(look) for look in drawn(2000))
    kept = drawn(200, kept=True)
    assert all(is_kept(look) and not imitates_held_out(look) for look in kept)


def test_about_a_twelfth_of_the_combinations_of_factors_is_kept() -> None:
    rng = np.random.default_rng(0)
    looks = [
        Look(
            style="tabler",
            ink=draw_colour(rng, "deep"),
            fill="flat",
            fill_colours=(draw_colour(rng, "any"), WHITE),
            ground="disc",
            ground_colours=(draw_colour(rng, "any"), WHITE),
        )
        for _ in range(6000)
    ]
    of_each = {key_of(look): is_kept(look) for look in looks}
    assert len(of_each) > 4000
    assert np.mean(list(of_each.values())) == pytest.approx(KEPT_SHARE, abs=0.015)


def test_the_sets_own_looks_are_never_kept() -> None:
    assert not any(is_left_out(Look(style=style)) for style in STYLES)


def test_places_angles_and_widths_do_not_decide_whether_a_look_is_kept() -> None:
    look = drawn(40)[-1]
    moved = replace(look, angle=1.0, spacing=0.05, stroke=0.03, tilt=0.1, shadow_offset=(0.1, 0.1))
    assert key_of(moved) == key_of(look)
    assert key_of(replace(look, texture="neon", ground="dots")) != key_of(look)


@pytest.mark.parametrize(
    ("held_out", "look"),
    [
        ("offset prints", Look(style="tabler", fill="offset", fill_colours=(GREY, GREY))),
        ("offset prints", Look(style="ph-fill", shadow="hard", shadow_colour=GREY)),
        ("angular outlines", Look(style="tabler", ink=NAVY, fill="flat", fill_colours=(PALE_BLUE, PALE_BLUE))),
        ("ink doodles", Look(style="tabler", roughness=2.0, fill="hatched", fill_colours=(BLUE, BLUE))),
        ("ink doodles", Look(style="ph-thin", roughness=2.0, accent=BLUE)),
        ("stickers and outlined emoji", Look(style="noto", rim=NAVY, rim_width=0.03)),
    ],
)
def test_looks_that_imitate_a_held_out_style_are_refused(held_out: str, look: Look) -> None:
    assert imitates_held_out(look) and is_left_out(look), held_out


@pytest.mark.parametrize(
    "look",
    [
        Look(style="tabler", fill="offset", fill_colours=(RED, RED)),
        Look(style="tabler", fill="flat", fill_colours=(GREY, GREY)),
        Look(style="ph-fill", shadow="soft", shadow_colour=GREY),
        Look(style="tabler", ink=NAVY, fill="flat", fill_colours=(RED, RED)),
        Look(style="tabler", roughness=2.0, accent=RED),
        Look(style="tabler", accent=BLUE),
        Look(style="noto", rim=WHITE, rim_width=0.03),
        Look(style="tabler", rim=NAVY, rim_width=0.03),
    ],
)
def test_what_only_shares_a_factor_with_a_held_out_style_is_not_refused(look: Look) -> None:
    assert not imitates_held_out(look)


def test_two_draws_of_one_seed_are_equal_and_of_two_seeds_are_not() -> None:
    assert drawn(50) == drawn(50) != drawn(50, seed=1)


def test_hardly_two_looks_are_alike() -> None:
    looks = [look for look in drawn(600) if look != Look(style=look.style)]
    assert len(set(looks)) == len(looks) > 400


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"ink": NAVY}, ["navy blue"]),
        ({"fill": "flat", "fill_colours": (RED, RED)}, ["red fill"]),
        ({"fill": "offset", "fill_colours": (RED, RED)}, ["offset red fill"]),
        ({"fill": "gradient", "fill_colours": (RED, GREEN)}, ["gradient fill of red and green"]),
        ({"fill": "hatched", "fill_colours": (RED, RED)}, ["red hatching"]),
        ({"fill": "dotted", "fill_colours": (RED, RED)}, ["red dots inside"]),
        ({"accent": RED}, ["red details"]),
        ({"ground": "plain", "ground_colours": (RED, RED)}, ["on red"]),
        ({"ground": "disc", "ground_colours": (RED, RED)}, ["on a red disc"]),
        ({"ground": "tile", "ground_colours": (RED, RED)}, ["on a red tile"]),
        ({"ground": "gradient", "ground_colours": (RED, GREEN)}, ["gradient of red and green"]),
        ({"ground": "stripes", "ground_colours": (RED, RED)}, ["red stripes"]),
        ({"ground": "dots", "ground_colours": (RED, RED)}, ["on red dots"]),
        ({"shadow": "long", "shadow_colour": RED}, ["long red shadow"]),
        ({"rim": RED}, ["red border"]),
        ({"roughness": 2.0}, ["drawn by hand"]),
        ({"has_gaps": True}, ["with gaps"]),
        ({"stroke": 0.03}, ["thick strokes"]),
        ({"tilt": 0.2}, ["tilted"]),
        ({"slant": 0.2}, ["slanted"]),
        ({"texture": "neon"}, ["neon"]),
    ],
    ids=str,
)
def test_words_name_the_factors(factors: dict[str, object], words: list[str]) -> None:
    phrase = all_words(replace(Look(style="tabler"), **factors))
    assert all(word in phrase for word in words), phrase


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"palette": "turned", "hue_turn": 0.4}, "in other colours"),
        ({"palette": "duotone", "palette_colours": (NAVY, PALE_BLUE)}, "duotone in navy blue and pale blue"),
        ({"palette": "tritone", "palette_colours": (NAVY, RED, PALE_BLUE)}, "in navy blue, red and pale blue"),
        ({"palette": "pastel"}, "in pastel colours"),
        ({"palette": "deep"}, "in deep colours"),
    ],
    ids=str,
)
def test_a_palette_is_named_instead_of_the_sets_own_colours(factors: dict[str, object], words: str) -> None:
    assert all_words(replace(Look(style="noto"), **factors)) == f"emoji {words}"
    assert all_words(replace(Look(style="icon-park"), **factors)) == f"icon {words}"


def test_the_own_look_of_a_set_has_its_own_words() -> None:
    for style, phrases in PHRASES.items():
        assert all_words(Look(style=style)) in phrases


def test_some_factors_stay_unsaid() -> None:
    look = Look(style="tabler", accent=RED, ground="disc", ground_colours=(RED, RED), rim=RED)
    phrases = {words_of(look, PHRASES["tabler"], np.random.default_rng(seed)) for seed in range(60)}
    for factor in ("details", "disc", "border"):
        said = np.mean([factor in phrase for phrase in phrases])
        assert 0.3 < said < 1, factor


def test_no_phrase_is_long() -> None:
    rng = np.random.default_rng(0)
    assert max(len(words_of(look, PHRASES[look.style], rng).split()) for look in drawn(1000)) <= 11


def test_every_set_of_one_colour_has_lines_in_any_ink() -> None:
    assert set(LINE) == set(ONE_COLOUR) <= set(STYLES)
    assert all("{ink}" in phrase for phrases in LINE.values() for phrase in phrases)
