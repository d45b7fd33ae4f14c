import numpy as np
import pytest

from data.corpus.sampling import sentences_to_distil, weights_by_coverage


def test_concepts_of_many_styles_weigh_more_within_a_style_and_styles_weigh_alike() -> None:
    coverage = np.array([20, 19, 5, 1, 20, 1, 1])
    styles = np.array(["a", "a", "a", "a", "a", "b", "c"])
    is_drawn = np.array([True, True, True, True, False, True, False])
    weights = weights_by_coverage(coverage, styles, is_drawn, coverage_weights=((20, 6.0), (5, 1.0)), rare_weight=0.5)
    assert weights[:4] == pytest.approx(np.array([6, 1, 1, 0.5]) / 8.5)
    assert weights[4] == 0.0
    assert weights[5] == pytest.approx(1.0)  # the only icon of its style, however rare
    assert weights[6] == 0.0  # a style of which none is drawn


def test_sentences_are_all_that_is_said_and_whole_words_of_the_teacher_each_once_and_short_ones_first() -> None:
    sentences = sentences_to_distil(
        ["cat", "red cat"], [["pet"], []], {"ink": ["black ink line"]}, ["##ing", "of", "[PAD]", "cat", "zebra"],
        num_prompts=50, seed=0,
    )  # fmt: skip
    assert sentences == [
        "cat", "pet", "zebra", "red cat", "black ink line",
        "cat in black ink line style", "red cat in black ink line style",
    ]  # fmt: skip
