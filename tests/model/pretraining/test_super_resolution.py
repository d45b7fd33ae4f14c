from pathlib import Path

import torch

from styledrop.base import Base
from styledrop.config.pretraining import Schedule, SuperResolutionTraining
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.pretraining.generator import TokenizedPictures, train_super_resolution
from styledrop.pretraining.stage import StageRun
from styledrop.super_resolution import SuperResolutionConfig, scaled_latents
from tests.model.conftest import HashedText, rng
from tests.model.test_enlarge import LARGE


def test_it_learns_what_the_small_image_tells(base: Base, tmp_path: Path) -> None:
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
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        channels=16,
        channel_heads=2,
        num_res_blocks=1,
        schedule=Schedule(num_steps=100, learning_rate=1e-2, batch_size=16, warmup_steps=5, muon_rate=1e-2),
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
    assert losses[-1] < 0.3 * losses[0]
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
