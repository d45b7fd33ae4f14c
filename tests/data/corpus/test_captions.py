"""How icons are named, by the real tables."""

from __future__ import annotations

import pytest

from data.corpus.captions import concepts, describe
from data.corpus.emoji import EmojiNames
from data.corpus.sets import IconSet


@pytest.mark.parametrize(
    ("style", "name", "caption"),
    [
        ("tabler", "smart-home-alt-2", "smart home"),  # words for the drawing, not for the thing
        ("tabler", "bike", "bicycle"),
        ("flat-ui", "cup", "trophy"),  # what one set calls otherwise than the others
        ("icon-park", "leaf-two", "leaf"),
        ("tabler", "leaf-two", "leaf two"),
        ("fxemoji", "housewithgarden", "house with garden"),
    ],
)
def test_captions_name_the_thing_and_not_its_drawing(style: str, name: str, caption: str) -> None:
    emoji = EmojiNames(vocabulary={"house", "with", "garden"})
    assert describe(name, IconSet(style=style, collection=style), None, emoji) == (caption, ())


def test_plurals_join_the_singular_only_where_both_are_shown() -> None:
    shown = ["car", "cars", "berry", "berries", "box", "boxes", "glass", "glasses", "shoes"]
    assert concepts(shown) == {
        "car": "car", "cars": "car", "berry": "berry", "berries": "berry", "box": "box", "boxes": "box",
        "glass": "glass", "glasses": "glasses", "shoes": "shoes",
    }  # fmt: skip
