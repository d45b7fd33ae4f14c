from bench.proposed_phrases import COUNT, read_icons, vocabulary
from data.corpus.phrases import held_out_phrases


def test_icons_are_of_each_held_out_set_in_turn() -> None:
    icons = read_icons(("key", "rocket", "laptop", "hourglass", "globe", "flower", "gift", "train", "bug", "star"))
    assert len(icons) == COUNT
    assert len({icon.style for icon in icons[:4]}) == 4


def test_no_style_phrase_is_a_held_out_set_s_or_comes_twice() -> None:
    styles = vocabulary()
    assert len(set(styles)) == len(styles)
    assert not {phrase for phrases in held_out_phrases().values() for phrase in phrases} & set(styles)
    assert not [style for style in styles if "{" in style]
