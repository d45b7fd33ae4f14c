import numpy as np

from data.corpus.arrays import Corpus
from data.corpus.vocabulary import MIN_STYLES, contents_of


def test_contents_are_those_that_many_styles_show_each_once() -> None:
    concepts = ["tree", "moose", "disc", "tree"]
    coverage = np.array([MIN_STYLES, MIN_STYLES - 1, MIN_STYLES + 1, MIN_STYLES], dtype=np.int32)
    corpus = Corpus(
        images=np.zeros((4, 1, 1, 3), dtype=np.uint8), image_id=["a", "b", "c", "d"], style=np.array(["s"] * 4),
        concept=np.array(concepts), caption=concepts, tags=[[]] * 4, split=np.array(["train"] * 4), coverage=coverage,
    )  # fmt: skip
    assert contents_of(corpus) == ["disc", "tree"]
