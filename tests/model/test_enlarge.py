import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import styledrop
from styledrop.base import Base
from styledrop.config.sampling import Guidance
from styledrop.enlarge import _back_projected
from styledrop.errors import BaseError, CheckpointMismatch, IncompatibleBase, SamplingError, TuningError
from styledrop.generator import Condition
from styledrop.super_resolution import SuperResolution, SuperResolutionConfig, scaled_latents
from styledrop.vqgan import VQGAN
from tests.model.conftest import TINY, picture, randomized, rng

LARGE = replace(TINY, sample_size=8)
CONFIG = styledrop.AdapterTuning(learning_rate=1e-2, batch_size=2, steps=4)
SAMPLING = styledrop.SamplingConfig(steps=3)
PROMPTS = ["a cat in noise style", "a dog in noise style", "a cup in noise style"]
PAIRS = [(picture(seed, 32), prompt) for seed, prompt in enumerate(PROMPTS)]


def super_resolution() -> SuperResolution:
    made = randomized(
        SuperResolution(SuperResolutionConfig(generator=LARGE, latent_channels=4, encoder_layers=1)), std=0.5
    )
    assert isinstance(made, SuperResolution)
    made.sha256 = "5" * 64
    return made


@pytest.fixture
def enlarging(base: Base) -> Base:
    return replace(base, super_resolution=super_resolution())


@pytest.fixture
def low() -> torch.Tensor:
    return torch.randint(16, (3, 16), generator=rng())


def conditioned(base: Base, low: torch.Tensor) -> Condition:
    texts = base.text.encode(PROMPTS[: len(low)])
    return super_resolution().condition(
        low, scaled_latents(base.vqgan, base.vqgan.decode(low)), texts.hidden, texts.pooled, 32
    )


class Patches(VQGAN):
    """Draws a token as a patch of its own grey, and sees the mean grey of patches."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def decode(self, tokens: torch.Tensor) -> torch.Tensor:
        greys = tokens.view(-1, 1, 4, 4).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
        return greys.expand(-1, 3, -1, -1) / 16

    def latents(self, images: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(images[:, :1], 4)


def test_a_small_token_is_seen_most_by_the_four_large_ones_that_stand_in_its_place(low: torch.Tensor) -> None:
    changed = low.clone()
    changed[0, 6] = (low[0, 6] + 8) % 16  # row 1, column 2 of 4
    vqgan = Patches()
    seen, seen_changed = (scaled_latents(vqgan, vqgan.decode(tokens)) for tokens in (low, changed))
    difference = (seen - seen_changed).abs().squeeze(2)
    assert not difference[1:].any()
    most = difference[0].topk(4).indices.sort().values
    assert most.tolist() == [8 * row + column for row in (2, 3) for column in (4, 5)]


def test_the_small_image_stands_beside_the_text(base: Base, low: torch.Tensor) -> None:
    condition = conditioned(base, low)
    assert condition.keys[0].shape[2] == 6 + 16
    assert condition.select(torch.tensor([2, 0])).grids[0].shape == (2, 64, LARGE.block_out_channels)


def test_an_image_is_the_same_in_any_batch_and_twice_as_large(enlarging: Base, low: torch.Tensor) -> None:
    together = styledrop.enlarge(enlarging, low, PROMPTS, seeds=[1, 2, 3], config=SAMPLING)
    assert [image.size for image in together] == [(32, 32)] * 3
    for place in range(3):
        part = slice(place, place + 1)
        [alone] = styledrop.enlarge(enlarging, low[part], PROMPTS[part], seeds=[place + 1], config=SAMPLING)
        # The last bit of a pixel may follow the batch's size; another token would change a whole patch.
        assert np.abs(np.asarray(alone, dtype=int) - np.asarray(together[place], dtype=int)).max() <= 1
    [other] = styledrop.enlarge(enlarging, low[:1].flip(1), PROMPTS[:1], seeds=[1], config=SAMPLING)
    assert other.tobytes() != together[0].tobytes()


def test_the_colour_of_the_small_image_comes_back(
    enlarging: Base, low: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def distance() -> float:
        images = styledrop.enlarge(enlarging, low, PROMPTS, seeds=[1, 2, 3], config=SAMPLING)
        halves = [np.asarray(image.resize((16, 16), Image.Resampling.BOX), dtype=float) for image in images]
        small = [np.asarray(image, dtype=float) for image in enlarging.render(low)]
        return float(np.abs(np.stack(halves) - np.stack(small)).mean())

    back = distance()
    # By its module: the package's own `enlarge` is the function.
    monkeypatch.setattr(sys.modules["styledrop.enlarge"], "_back_projected", lambda drawn, small: drawn)
    assert back < 0.75 * distance()


def test_all_of_the_colour_and_half_of_the_brightness_come_back() -> None:
    blue, black = torch.tensor([0.1, 0.1, 0.6]), torch.zeros(1, 3, 8, 8)
    back = _back_projected(black, blue.view(1, 3, 1, 1).expand(1, 3, 4, 4))[0, :, 4, 4]
    brightness = 0.299 * 0.1 + 0.587 * 0.1 + 0.114 * 0.6
    assert torch.allclose(back, blue - brightness / 2, atol=1e-6)


def test_a_new_adapter_changes_nothing_and_a_tuned_one_does(enlarging: Base, low: torch.Tensor) -> None:
    plain = styledrop.enlarge(enlarging, low, PROMPTS, seeds=[1, 2, 3], config=SAMPLING)
    adapter = styledrop.tune_enlarging(enlarging, PAIRS, CONFIG.model_copy(update={"steps": 1}))
    nn.init.zeros_(adapter.attention.up)
    nn.init.zeros_(adapter.feed_forward.up)
    for offset in (adapter.attention.up_offset, adapter.feed_forward.up_offset):
        assert offset is not None
        nn.init.zeros_(offset)
    same = styledrop.enlarge(
        enlarging, low, PROMPTS, seeds=[1, 2, 3], style=adapter, guidance=Guidance(lambda_a=0.0, lambda_b=0.0),
        config=SAMPLING,
    )  # fmt: skip
    assert [image.tobytes() for image in same] == [image.tobytes() for image in plain]
    adapter = styledrop.tune_enlarging(enlarging, PAIRS, CONFIG.model_copy(update={"steps": 20}))
    styled = styledrop.enlarge(enlarging, low, PROMPTS, seeds=[1, 2, 3], style=adapter, config=SAMPLING)
    assert [image.tobytes() for image in styled] != [image.tobytes() for image in plain]


def test_text_guidance_moves_the_image(enlarging: Base, low: torch.Tensor) -> None:
    plain, guided = (
        styledrop.enlarge(
            enlarging, low, PROMPTS, seeds=[1, 2, 3], guidance=Guidance(lambda_a=0.0, lambda_b=weight), config=SAMPLING
        )
        for weight in (0.0, 4.0)
    )
    assert [image.tobytes() for image in plain] != [image.tobytes() for image in guided]


def test_tuning_goes_on_from_its_checkpoint_and_trains_the_adapter_alone(enlarging: Base, tmp_path: Path) -> None:
    assert enlarging.super_resolution is not None
    before = {name: value.clone() for name, value in enlarging.super_resolution.state_dict().items()}
    path = tmp_path / "checkpoint.safetensors"
    whole = styledrop.tune_enlarging(enlarging, PAIRS, CONFIG, checkpoint=path)
    again = styledrop.tune_enlarging(enlarging, PAIRS, CONFIG, checkpoint=path)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in enlarging.super_resolution.state_dict().items())
    with pytest.raises(CheckpointMismatch, match="expected seed 1, got 0"):
        styledrop.tune_enlarging(enlarging, PAIRS, CONFIG, seed=1, checkpoint=path)


def test_its_adapter_is_kept_with_the_large_base_and_refused_by_the_small_one(enlarging: Base, tmp_path: Path) -> None:
    adapter = styledrop.tune_enlarging(enlarging, PAIRS, CONFIG)
    card = styledrop.Card(name="noise", base_name=enlarging.large.name, base_sha256=enlarging.large.sha256)
    styledrop.save_adapter(adapter, card, tmp_path)
    loaded = styledrop.load_adapter(tmp_path, enlarging.large)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in adapter.state_dict().items())
    with pytest.raises(IncompatibleBase):
        styledrop.load_adapter(tmp_path, enlarging)


def test_it_comes_back_from_its_folder(enlarging: Base, low: torch.Tensor, tmp_path: Path) -> None:
    assert enlarging.super_resolution is not None
    enlarging.super_resolution.to_folder(tmp_path, torch.float32)
    loaded = SuperResolution.from_folder(tmp_path)
    assert len(loaded.sha256) == 64
    ours, theirs = (
        styledrop.enlarge(replace(enlarging, super_resolution=module), low, PROMPTS, seeds=[1, 2, 3], config=SAMPLING)
        for module in (enlarging.super_resolution, loaded)
    )
    assert [image.tobytes() for image in ours] == [image.tobytes() for image in theirs]
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(BaseError, match=r"model\.safetensors: it cannot be read: .*No such file"):
        SuperResolution.from_folder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BaseError, match=r"config\.json: it cannot be read"):
        SuperResolution.from_folder(tmp_path)


def test_what_cannot_be_done_is_refused(base: Base, enlarging: Base, low: torch.Tensor) -> None:
    with pytest.raises(BaseError, match="'tiny' has none"):
        styledrop.enlarge(base, low, PROMPTS, seeds=[1, 2, 3])
    with pytest.raises(SamplingError, match="each of 3 images, got 2 and 3"):
        styledrop.enlarge(enlarging, low, PROMPTS[:2], seeds=[1, 2, 3])
    with pytest.raises(TuningError, match="at least one image"):
        styledrop.tune_enlarging(enlarging, [], CONFIG)
    with pytest.raises(BaseError, match="32x32 px, got 16x16"):
        styledrop.tune_enlarging(enlarging, [(Image.new("RGB", (16, 16)), "a cat")], CONFIG)
