from bench.proposed_phrases import COUNT, read_icons
from data.corpus.phrases import held_out_phrases
from data.corpus.vocabulary import looks
from data.documents.vocabulary import read_vocabulary
from styledrop.config.defaults import EMBEDDED_FOLDER


def test_icons_are_of_each_held_out_set_in_turn() -> None:
    icons = read_icons(("key", "rocket", "laptop", "hourglass", "globe", "flower", "gift", "train", "bug", "star"))
    assert len(icons) == COUNT
    assert len({icon.style for icon in icons[:4]}) == 4


def test_no_look_of_the_embedded_vocabulary_is_a_held_out_set_s_or_comes_twice() -> None:
    vocabulary = read_vocabulary(EMBEDDED_FOLDER)
    assert list(vocabulary.styles) == looks()
    assert len(set(vocabulary.styles)) == len(vocabulary.styles)
    assert not {phrase for phrases in held_out_phrases().values() for phrase in phrases} & set(vocabulary.styles)
    assert not [look for look in vocabulary.styles if "{" in look]
