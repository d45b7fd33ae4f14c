from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from styledrop.errors import BaseError
from styledrop.scoring import ClipScorer


def drawing(colour: str, background: str = "white") -> Image.Image:
    image = Image.new("RGB", (24, 24), background)
    ImageDraw.Draw(image).ellipse((4, 4, 18, 20), fill=colour)
    return image


@pytest.fixture
def scorer(tiny_base_folder: Path) -> ClipScorer:
    return ClipScorer(tiny_base_folder / "clip")


def test_a_copy_of_the_reference_has_style_1(scorer: ClipScorer) -> None:
    images = [drawing("red"), drawing("blue", "black")]
    scores = scorer.score(images, ["a cat", "a dog"], [images[0]])
    assert scores.style[0] == pytest.approx(1.0, abs=1e-5)
    assert scores.style[1] < 0.999


def test_scores_are_of_each_image_alone(scorer: ClipScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("styledrop.scoring._AT_ONCE", 2)
    images = [drawing(colour) for colour in ("red", "blue", "green", "gold", "black")]
    prompts = ["a cat", "a dog", "a cat", "a fish", "a dog"]
    references = [drawing("pink"), drawing("navy", "grey")]
    scores = scorer.score(images, prompts, references)
    assert scores.text.shape == scores.style.shape == (5,)
    assert np.all(np.abs(scores.text) <= 1)
    for i in range(5):
        alone = scorer.score(images[i : i + 1], prompts[i : i + 1], references)
        np.testing.assert_allclose([scores.text[i], scores.style[i]], [alone.text[0], alone.style[0]], atol=1e-5)


def test_comparing_gives_the_text_of_every_pair(scorer: ClipScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("styledrop.scoring._AT_ONCE", 2)
    images, prompts = [drawing("red"), drawing("navy", "grey"), drawing("gold")], ["a cat", "a dog", "a cat"]
    pairs = scorer.compare(images, prompts)
    assert pairs.shape == (3, 3)
    np.testing.assert_allclose(pairs.diagonal(), scorer.score(images, prompts, images).text, atol=1e-5)
    np.testing.assert_array_equal(pairs[:, 0], pairs[:, 2])
    assert np.all(pairs[:, 0] != pairs[:, 1])


def test_style_is_the_mean_over_references(scorer: ClipScorer) -> None:
    image, references = drawing("red"), [drawing("pink"), drawing("navy", "grey")]
    both = scorer.score([image], ["a cat"], references).style[0]
    each = [scorer.score([image], ["a cat"], [reference]).style[0] for reference in references]
    assert both == pytest.approx(np.mean(each), abs=1e-5)


def test_what_cannot_be_scored_is_refused(scorer: ClipScorer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 1 images and 2 prompts"):
        scorer.score([drawing("red")], ["a", "b"], [drawing("red")])
    with pytest.raises(ValueError, match="got 0 images and 0 prompts"):
        scorer.score([], [], [drawing("red")])
    with pytest.raises(ValueError, match="at least one style reference"):
        scorer.score([drawing("red")], ["a"], [])
    with pytest.raises(BaseError, match=r"no open_clip_config\.json and no open_clip_model\.safetensors"):
        ClipScorer(tmp_path)
