import numpy as np
import pytest

from data.corpus.sampling import colourfulness, sentences_to_distil, weights_by_colour, weights_by_coverage

GREY, RED = np.full((2, 4, 4, 3), 90, dtype=np.uint8), np.full((2, 4, 4, 3), 0, dtype=np.uint8)
RED[..., 0] = 255


def test_grey_has_no_colour_and_red_has_all_of_it() -> None:
    assert colourfulness(GREY) == 0.0
    assert colourfulness(RED) == 255.0


def test_colourful_styles_weigh_more_variants_less_and_every_style_alike_whatever_its_size() -> None:
    images = np.concatenate([GREY, GREY, RED, RED[:1]])
    styles = np.array(["ink"] * 4 + ["emoji"] * 2 + ["emoji+neon"])
    is_trained = np.array([True] * 7)
    weights = weights_by_colour(images, styles, is_trained, variant_weight=0.5, colour_weight=3.0, colourful_above=8.0)
    assert weights[:4].sum() == pytest.approx(1.0)
    assert weights[4:6].sum() == pytest.approx(3.0)
    assert weights[6] == pytest.approx(1.5)
    is_trained[4] = False
    kept = weights_by_colour(images, styles, is_trained, variant_weight=0.5, colour_weight=3.0, colourful_above=8.0)
    assert kept[4] == 0.0
    assert np.array_equal(np.delete(kept, 4), np.delete(weights, 4))


def test_only_the_first_images_of_a_style_decide_whether_it_is_colourful() -> None:
    weights = weights_by_colour(
        np.concatenate([GREY, RED]), np.array(["ink"] * 4), np.ones(4, dtype=bool),
        variant_weight=1.0, colour_weight=3.0, colourful_above=8.0, looked_at=2,
    )  # fmt: skip
    assert weights.sum() == pytest.approx(1.0)


def test_concepts_of_many_styles_weigh_more_within_a_style_and_styles_weigh_alike() -> None:
    coverage = np.array([20, 19, 5, 1, 20, 1, 1])
    styles = np.array(["a", "a", "a", "a", "a+x", "b", "c"])
    is_trained = np.array([True, True, True, True, True, True, False])
    weights = weights_by_coverage(
        coverage, styles, is_trained, coverage_weights=((20, 6.0), (5, 1.0)), rare_weight=0.5, variant_weight=0.3
    )
    assert weights[:4] == pytest.approx(np.array([6, 1, 1, 0.5]) / 8.5)
    assert weights[4] == pytest.approx(0.3)
    assert weights[5] == pytest.approx(1.0)  # the only image of its style, however rare
    assert weights[6] == 0.0  # a style of kept images alone


def test_sentences_are_all_that_is_said_and_whole_words_of_the_teacher_each_once_and_short_ones_first() -> None:
    sentences = sentences_to_distil(
        ["cat", "red cat"], [["pet"], []], {"ink": ["black ink line"]}, ["##ing", "of", "[PAD]", "cat", "zebra"],
        num_prompts=50, seed=0,
    )  # fmt: skip
    assert sentences == [
        "cat", "pet", "zebra", "red cat", "black ink line",
        "cat in black ink line style", "red cat in black ink line style",
    ]  # fmt: skip
