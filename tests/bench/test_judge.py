import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.judge import Judge, JudgeAccuracy, JudgeConfig
from bench.judge_training import DrawnIcons, JudgeTraining, train_judge
from styledrop.config.pretraining import Schedule
from styledrop.errors import BaseError
from styledrop.pretraining.stage import StageRun

SIZE_PX = 16
CORNERS = {"upper left": (0, 0), "upper right": (0, 8), "lower left": (8, 0)}
COLOURS = {"red": (220, 30, 30), "green": (20, 160, 60), "black": (10, 10, 10)}
RARE = "somewhere"


def squares(copies: int = 8) -> tuple[np.ndarray, list[str], list[str]]:
    """Concept is the corner that a square lies in, style its colour; one concept is there in one style only."""
    rng = np.random.default_rng(0)
    images, concepts, styles = [], [], []
    for concept, (top, left) in {**CORNERS, RARE: (8, 8)}.items():
        for style, colour in COLOURS.items():
            if concept == RARE and style != "red":
                continue
            for _ in range(copies):
                image = np.full((SIZE_PX, SIZE_PX, 3), 255, dtype=np.uint8)
                image[top : top + 8, left : left + 8] = np.clip(np.array(colour) + rng.integers(-10, 11, 3), 0, 255)
                images.append(image)
                concepts.append(concept)
                styles.append(style)
    return np.stack(images), concepts, styles


def training(num_steps: int = 40) -> JudgeTraining:
    schedule = Schedule(num_steps=num_steps, learning_rate=5e-3, batch_size=24, warmup_steps=2, ema_decay=0.9)
    return JudgeTraining(schedule=schedule, min_styles=3, widths=(8, 12, 16), concept_share=0.8)


def is_train(count: int) -> np.ndarray:
    return np.arange(count) % 4 != 0


def on_grounds(colour: tuple[int, int, int] = (250, 220, 60)) -> DrawnIcons:
    """The same squares, in one ink on a ground of `colour`."""
    images, concepts, _ = squares(copies=2)
    is_ground = images.min(axis=3, keepdims=True) == 255
    drawn = np.where(is_ground, np.array(colour), np.array((120, 0, 120))).astype(np.uint8)
    return DrawnIcons(images=drawn, concepts=concepts)


def trained_on(images: np.ndarray, folder: Path, num_steps: int = 40, start: Judge | None = None) -> Judge:
    _, concepts, styles = squares(copies=len(images) // 10)
    return train_judge(
        images,
        concepts,
        styles,
        is_train(len(images)),
        on_grounds(),
        {"other grounds": on_grounds((60, 200, 220))},
        training(num_steps),
        StageRun(folder=folder),
        start=start,
    )


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return trained_on(squares()[0], tmp_path_factory.mktemp("judge"), num_steps=80)


def untrained() -> Judge:
    torch.manual_seed(0)
    return Judge(JudgeConfig(concepts=("cat", "dog"), styles=("ink", "oil", "pixel"), size_px=16, widths=(8, 8))).eval()


def test_a_judge_learns_concepts_that_enough_styles_show_and_all_styles(judge: Judge) -> None:
    assert judge.config.concepts == tuple(sorted(CORNERS))
    assert judge.config.styles == tuple(sorted(COLOURS))
    images, concepts, styles = squares(copies=1)
    seen = judge.classify([Image.fromarray(image) for image in images])
    with_concept = [place for place, concept in enumerate(concepts) if concept != RARE]
    assert [seen.concepts[place] for place in with_concept] == [concepts[place] for place in with_concept]
    assert seen.styles == styles
    assert seen.concept_probabilities.shape == (10, 3)
    np.testing.assert_allclose(seen.style_probabilities.sum(axis=1), 1, atol=1e-5)


def test_accuracy_is_measured_on_the_images_kept_from_training(judge: Judge) -> None:
    accuracy = judge.config.accuracy
    assert accuracy is not None
    assert accuracy.of_styles == dict.fromkeys(judge.config.styles, 1.0)
    assert accuracy == JudgeAccuracy(
        concept=1.0,
        concept_images=18,
        style=1.0,
        style_images=20,
        of_styles=accuracy.of_styles,
        concept_of_drawn={"other grounds": 1.0},
    )


def test_a_judge_that_goes_on_starts_with_the_weights_of_the_other(tmp_path: Path, judge: Judge) -> None:
    other = trained_on(squares()[0], tmp_path, num_steps=0, start=judge)
    weights = dict(judge.named_parameters())
    assert all(torch.equal(value, weights[name]) for name, value in other.named_parameters())


def test_kept_images_change_no_weight(tmp_path: Path) -> None:
    images = squares(copies=4)[0]
    others = images.copy()
    others[~is_train(len(images))] = 0
    judges = [trained_on(of, tmp_path / str(i), num_steps=3) for i, of in enumerate((images, others))]
    for name, value in judges[0].state_dict().items():
        assert torch.equal(value, judges[1].state_dict()[name]), name


def test_asked_among_a_few_the_judge_never_names_another() -> None:
    images = [Image.new("RGB", (16, 16), colour) for colour in ("white", "red", "navy")]
    judge = untrained()
    free, asked = judge.classify(images), judge.classify(images, among_styles=["pixel", "ink"])
    assert set(asked.styles) <= {"pixel", "ink"}
    assert asked.style_probabilities[:, 1].tolist() == [0, 0, 0]
    of_two = free.style_probabilities[:, [0, 2]]
    expected = of_two / of_two.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(asked.style_probabilities[:, [0, 2]], expected, rtol=1e-5)
    np.testing.assert_array_equal(asked.concept_probabilities, free.concept_probabilities)


def test_images_of_other_sizes_are_scaled_and_batches_change_nothing() -> None:
    judge = untrained()
    images = [Image.new("RGB", (16, 16), "navy"), Image.new("L", (64, 64), 200), Image.new("RGB", (16, 16), "red")]
    together, one_by_one = judge.classify(images), judge.classify(images, batch_size=1)
    np.testing.assert_allclose(together.concept_probabilities, one_by_one.concept_probabilities, atol=1e-6)


def test_a_name_the_judge_does_not_know_and_no_image_at_all_are_refused() -> None:
    image = Image.new("RGB", (16, 16))
    with pytest.raises(ValueError, match=r"the judge's 2 concepts, got \['bird'\]"):
        untrained().classify([image], among_concepts=["cat", "bird"])
    with pytest.raises(ValueError, match="the judge's 3 styles, got none"):
        untrained().classify([image], among_styles=[])
    with pytest.raises(ValueError, match="at least one image, got none"):
        untrained().classify([])


def test_a_judge_survives_its_folder(tmp_path: Path, judge: Judge) -> None:
    judge.to_folder(tmp_path, torch.float16)
    loaded = Judge.from_folder(tmp_path)
    assert loaded.config == judge.config
    images = [Image.fromarray(image) for image in squares(copies=1)[0]]
    ours, theirs = judge.classify(images), loaded.classify(images)
    np.testing.assert_allclose(ours.concept_probabilities, theirs.concept_probabilities, atol=0.02)  # weights in fp16


def test_a_folder_that_is_no_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"config\.json: it cannot be read: .*No such file"):
        Judge.from_folder(tmp_path)
    untrained().to_folder(tmp_path, torch.float16)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "concepts": ["cat"]}))
    with pytest.raises(BaseError, match=r"concept_head\.weight"):
        Judge.from_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "height": 3}))
    with pytest.raises(BaseError, match="height"):
        Judge.from_folder(tmp_path)


def test_an_image_lies_nearest_to_the_place_of_its_style(judge: Judge) -> None:
    images, _, styles = squares(copies=1)
    features = judge.style_features([Image.fromarray(image) for image in images])
    nearest = torch.cdist(features, judge.style_centers).argmin(dim=1)
    assert [judge.config.styles[place] for place in nearest.tolist()] == styles


def test_a_blurred_image_is_nearer_than_another_one_and_the_same_lies_at_zero(judge: Judge) -> None:
    images = [Image.fromarray(image).resize((32, 32), Image.Resampling.NEAREST) for image in squares(copies=1)[0]]
    blurred = [image.resize((16, 16), Image.Resampling.BOX).resize((32, 32)) for image in images]
    same, near, far = (judge.distances(others, images) for others in (images, blurred, images[1:] + images[:1]))
    assert same == [0.0] * len(images)
    assert all(0 < one < other <= 2 for one, other in zip(near, far, strict=True))
