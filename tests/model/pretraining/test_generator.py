import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from styledrop.base import Base
from styledrop.config.pretraining import MaskedModelTraining, Schedule, SuperResolutionTraining
from styledrop.generator import Generator, GeneratorConfig
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.precision import autocast
from styledrop.pretraining.generator import (
    TokenizedPictures,
    draw_prompt,
    masked_error,
    tokenize_images,
    train_generator,
    train_super_resolution,
)
from styledrop.pretraining.stage import StageRun
from styledrop.super_resolution import SuperResolutionConfig, scaled_latents
from styledrop.text import TextEncoder, TextFeatures
from styledrop.vqgan import VQGAN, VQGANConfig
from tests.model.conftest import HashedText, rng, with_steps
from tests.model.test_enlarge import LARGE

SIZES = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "num_res_blocks": 1,
}  # fmt: skip
CHANNELS = {"channels": 16, "channel_heads": 2}
MODEL = GeneratorConfig(
    **SIZES,
    cond_embed_dim=12,
    micro_cond_encode_dim=8,
    micro_cond_embed_dim=40,
    encoder_hidden_size=20,
    vocab_size=17,
    codebook_size=16,
    in_channels=24,
    block_out_channels=16,
    block_num_heads=2,
    sample_size=2,
)
TRAINING = MaskedModelTraining(
    **SIZES,
    **CHANNELS,
    schedule=Schedule(num_steps=3, learning_rate=1e-2, batch_size=8, warmup_steps=1, ema_decay=0.9),
    text_dropout=0.2,
    caption_only=0.3,
)
PICTURES = TokenizedPictures(
    tokens=torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=torch.int16),
    captions=["a cat", "a dog"],
    phrases=["black ink", "ink"],
)
KEPT = TokenizedPictures(
    tokens=torch.tensor([[9, 9, 9, 9]], dtype=torch.int16), captions=["a secret"], phrases=["glass"]
)


class Asked(TextEncoder):
    """Remembers the prompts; every prompt has features of its own."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.prompts: list[str] = []

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        self.prompts += prompts
        rngs = [torch.Generator().manual_seed(sum(prompt.encode())) for prompt in prompts]
        return TextFeatures(
            hidden=torch.stack([torch.randn(3, 20, generator=rng) for rng in rngs]),
            pooled=torch.stack([torch.randn(12, generator=rng) for rng in rngs]),
        )


def trained(folder: Path, num_steps: int, text: TextEncoder | None = None) -> Generator:
    training = with_steps(TRAINING, num_steps)
    return train_generator(
        PICTURES, {"kept": KEPT}, text or Asked(), 8, MODEL, training, StageRun(folder=folder, seed=3)
    )


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(tmp_path / "stopped", 1)
    resumed = trained(tmp_path / "stopped", 3).state_dict()
    whole = trained(tmp_path / "whole", 3).state_dict()
    assert set(whole) == set(Generator(MODEL).state_dict())
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


@pytest.fixture(scope="module")
def sixty_steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Generator]:
    """The folder of a run that was long enough to learn both pictures, and what it made."""
    folder = tmp_path_factory.mktemp("sixty_steps")
    trained(folder, 1)  # one step is measured, too
    return folder, trained(folder, 60)


def test_the_loss_falls_on_one_batch(sixty_steps: tuple[Path, Generator]) -> None:
    folder, _ = sixty_steps
    first, *_, last = (json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines())
    assert abs(first["loss"] - np.log(16)) < 0.1  # it starts knowing nothing of the 16 codes
    assert last["loss"] < 0.6 * first["loss"]


def test_every_picture_is_seen_once_an_epoch_and_kept_ones_are_only_measured(tmp_path: Path) -> None:
    text = Asked()
    trained(tmp_path, 1, text)
    in_training = text.prompts[:8]  # a batch has four epochs of two pictures
    assert in_training.count("a cat in black ink style") <= 4 and in_training.count("a dog in ink style") <= 4
    assert set(text.prompts[8:]) == {"a secret in glass style"}


def test_prompts_are_nothing_the_caption_or_caption_and_phrase() -> None:
    rng = np.random.default_rng(0)
    prompts = [draw_prompt("a cat", "black ink", TRAINING, rng) for _ in range(500)]
    shares = {prompt: prompts.count(prompt) / 500 for prompt in set(prompts)}
    assert shares == pytest.approx({"": 0.2, "a cat": 0.3, "a cat in black ink style": 0.5}, abs=0.06)


def test_the_curve_has_the_cross_entropy_of_kept_pictures(tmp_path: Path) -> None:
    generator = trained(tmp_path, 2)
    *_, last = (json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines())
    assert last["kept"] == pytest.approx(masked_error(generator, Asked(), KEPT, 8).nats, abs=1e-4)


def test_a_generator_that_knows_nothing_has_the_uniforms_error_and_a_trained_one_less(
    sixty_steps: tuple[Path, Generator],
) -> None:
    fresh = Generator(MODEL)
    fresh.init_weights(torch.Generator().manual_seed(0))
    before, after = (masked_error(generator, Asked(), PICTURES, 8) for generator in (fresh, sixty_steps[1]))
    assert before.nats == pytest.approx(np.log(16), abs=0.1)
    assert after.nats < 0.5 * before.nats
    assert after.share_right > 0.8
    assert after.nats_of_each.shape == (2,)
    assert after.nats == pytest.approx(float(after.nats_of_each.mean()))


def test_the_error_is_always_taken_at_the_same_places(tmp_path: Path) -> None:
    generator = trained(tmp_path, 2)
    once, again = (masked_error(generator, Asked(), PICTURES, 8) for _ in range(2))
    assert torch.equal(once.nats_of_each, again.nats_of_each)


def test_images_are_tokenized_as_the_vqgan_does_whatever_the_batch() -> None:
    torch.manual_seed(0)
    vqgan = VQGAN(
        VQGANConfig(
            block_out_channels=(8, 8, 8), layers_per_block=1, latent_channels=4, num_vq_embeddings=16, norm_num_groups=4
        )
    ).eval()
    images = np.random.default_rng(0).integers(256, size=(5, 16, 16, 3), dtype=np.uint8)
    tokens = tokenize_images(vqgan, images, batch_size=2)
    pixels = torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad(), autocast(pixels.device):
        expected = vqgan.encode(pixels)
    assert tokens.dtype == torch.int16
    assert torch.equal(tokens.long(), expected)


def test_super_resolution_learns_what_the_small_image_tells(base: Base, tmp_path: Path) -> None:
    def of_large(low: torch.Tensor) -> torch.Tensor:
        return base.vqgan.nearest_codes(scaled_latents(base.vqgan, base.vqgan.decode(low)).flatten(0, 1)).view(
            len(low), 64
        )

    low = torch.randint(16, (64, 16), generator=rng())
    tokens = of_large(low)
    losses = []

    def report(step: int, num_steps: int, figures: dict[str, float]) -> None:
        losses.append(figures["loss"])

    training = SuperResolutionTraining(
        **SIZES,
        **CHANNELS,
        schedule=Schedule(num_steps=80, learning_rate=1e-2, batch_size=16, warmup_steps=5, muon_rate=1e-2),
    )
    module = train_super_resolution(
        low,
        TokenizedPictures(tokens=tokens, captions=["a cat"] * 64, phrases=["noise"] * 64),
        HashedText(),
        base.vqgan,
        32,
        SuperResolutionConfig(generator=LARGE, latent_channels=4, encoder_layers=1),
        training,
        StageRun(folder=tmp_path, report=report),
    )
    assert losses[-1] < 0.4 * losses[0]
    # It reads the small image, and does not know the training images by heart.
    unseen = torch.randint(16, (8, 16), generator=rng(1))
    wanted = of_large(unseen)
    text = HashedText().encode(["a cat in noise style"] * 8)
    masked, is_masked = mask_tokens(wanted, mask_id=LARGE.mask_id, generator=rng())
    with torch.no_grad():
        right, wrong = (
            masked_cross_entropy(
                module.generator(masked, module.condition(small, latents, text.hidden, text.pooled, 32)),
                wanted,
                is_masked,
            )
            for small in (unseen, unseen.flip(0))
            for latents in [scaled_latents(base.vqgan, base.vqgan.decode(small))]
        )
    assert float(right) < 0.5 < float(wrong)
