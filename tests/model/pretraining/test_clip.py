import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from torch.nn import functional as F

from styledrop.config.pretraining import ClipTraining, Schedule
from styledrop.pretraining.clip import ClipTowers, draw_rows, train_clip, write_open_clip
from styledrop.pretraining.stage import StageRun
from styledrop.pretraining.text import build_text_model, build_tokenizer
from styledrop.scoring import ClipScorer
from styledrop.text import TextEncoder
from tests.model.conftest import with_steps
from tests.model.pretraining.test_text import PROMPTS
from tests.model.pretraining.test_text import TRAINING as TEXT

TRAINING = ClipTraining(
    schedule=Schedule(num_steps=3, learning_rate=3e-3, batch_size=4, warmup_steps=1),
    image_layers=(1, 1, 1, 1),
    image_width=8,
    styles_per_batch=2,
    images_per_concept=4,
    caption_only=0.25,
)


@pytest.fixture
def text(tmp_path: Path) -> TextEncoder:
    tokenizer = build_tokenizer(TEXT, tmp_path / "tokenizer")
    torch.manual_seed(0)
    return TextEncoder(build_text_model(TEXT, len(tokenizer)), tokenizer)


def random_towers(text: TextEncoder) -> ClipTowers:
    towers = ClipTowers(TRAINING, text, 32)
    with torch.no_grad():
        for name, value in towers.state_dict().items():
            if value.is_floating_point():  # representable in the file's half precision, biases and norms included
                noise = torch.randn_like(value) * 0.1
                start = 1.0 if "norm" in name or "bn" in name or "running_var" in name else 0.0
                value.copy_((start + noise.clamp(-0.5, 0.5)).half().float())
    return towers.eval()


def test_the_open_clip_export_embeds_texts_and_images_as_the_towers_do(tmp_path: Path, text: TextEncoder) -> None:
    towers = random_towers(text)
    write_open_clip(towers, TRAINING, tmp_path / "tokenizer", tmp_path / "open_clip")
    name = f"local-dir:{tmp_path / 'open_clip'}"
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    model.eval()
    ids = text.tokenizer(
        PROMPTS, return_tensors="pt", padding="max_length", truncation=True, max_length=TEXT.max_length
    ).input_ids
    tokens = open_clip.get_tokenizer(name)(PROMPTS)
    assert torch.equal(tokens, ids)
    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(model.encode_text(tokens), towers.text(input_ids=ids).text_embeds, atol=1e-5)
        assert torch.allclose(model.encode_image(pixels), towers.image(pixels), atol=1e-5)
    assert torch.equal(model.logit_scale, towers.logit_scale)
    assert tuple(preprocess.transforms[-1].mean) == (0.5, 0.5, 0.5)


def corpus() -> tuple[np.ndarray, list[str], list[str], list[str]]:
    """Two concepts in two styles: place is the concept, colour the style."""
    images = np.full((4, 32, 32, 3), 255, dtype=np.uint8)
    names = [(concept, style) for concept in ("high", "low") for style in ("red", "blue")]
    for image, (concept, style) in zip(images, names, strict=True):
        rows = slice(2, 14) if concept == "high" else slice(18, 30)
        image[rows, 8:24] = (200, 0, 0) if style == "red" else (0, 0, 200)
    concepts, styles = (list(column) for column in zip(*names, strict=True))
    return images, [f"a {concept} bar" for concept in concepts], concepts, styles


def trained(text: TextEncoder, folder: Path, num_steps: int) -> ClipTowers:
    images, captions, concepts, styles = corpus()
    return train_clip(
        images, captions, concepts, styles, {"red": ["red"], "blue": ["blue", "navy"]}, text,
        with_steps(TRAINING, num_steps), StageRun(folder=folder),
    )  # fmt: skip


def curve(folder: Path) -> Iterator[dict[str, float]]:
    return (json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines())


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(
    tmp_path: Path, text: TextEncoder
) -> None:
    trained(text, tmp_path / "stopped", 1)
    resumed = trained(text, tmp_path / "stopped", 3).state_dict()
    whole = trained(text, tmp_path / "whole", 3).state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_the_scorer_learns_which_image_is_meant(tmp_path: Path, text: TextEncoder) -> None:
    trained(text, tmp_path, 1)
    towers = trained(text, tmp_path, 100)
    first, *_, last = curve(tmp_path)
    assert last["loss"] < 0.6 * first["loss"]
    write_open_clip(towers, TRAINING, tmp_path / "tokenizer", tmp_path / "open_clip")
    assert ClipScorer(tmp_path / "open_clip")  # opens as the scorer of a base
    images = torch.from_numpy(corpus()[0].astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
    with torch.inference_mode():
        similarity = (
            towers.embed_texts(["a high bar in red style", "a low bar in blue style"])
            @ F.normalize(towers.image(images)).T
        )
    assert similarity.argmax(dim=1).tolist() == [0, 3]


def test_only_the_last_layer_of_a_copy_of_the_text_encoder_is_trained(tmp_path: Path, text: TextEncoder) -> None:
    before = {name: value.clone() for name, value in text.model.state_dict().items()}
    after = trained(text, tmp_path, 2).text.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all("layers.1." in name or "final_layer_norm" in name or "projection" in name for name in changed)
    assert all(torch.equal(value, before[name]) for name, value in text.model.state_dict().items())


def test_a_batch_shows_few_styles_and_the_concepts_that_they_share() -> None:
    rng = np.random.default_rng(0)
    style_of = np.repeat(np.arange(10), 100)
    concept_of = np.where(np.arange(1000) % 2, np.arange(1000) % 20, 100 + np.arange(1000))  # every second one is alone
    schedule = TRAINING.schedule.model_copy(update={"batch_size": 32})
    training = TRAINING.model_copy(update={"schedule": schedule, "styles_per_batch": 4})
    shared = 0
    for _ in range(20):
        rows = draw_rows(concept_of, style_of, training, rng)
        assert len(set(rows)) == 32
        assert len(set(style_of[rows])) <= 4
        assert max(np.bincount(concept_of[rows])) == training.images_per_concept
        shared += int((concept_of[rows] < 100).sum())
    # Ten of 210 concepts are shared: drawn alike they would have 0.16 of the images.
    assert 0.3 < shared / (20 * 32) < 1
