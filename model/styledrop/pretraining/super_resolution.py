"""Pretraining of super-resolution: masked modelling of an image's tokens, given those of the image at half its size."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from styledrop.config.pretraining import SuperResolutionTraining
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.precision import autocast
from styledrop.pretraining.generator import TokenizedPictures, draw_prompt
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from styledrop.pretraining.start import start_from
from styledrop.super_resolution import SuperResolution, SuperResolutionConfig, scaled_latents
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN


def train_super_resolution(
    low: Int[Tensor, "pictures low"],
    pictures: TokenizedPictures,
    text: TextEncoder,
    vqgan: VQGAN,
    size_px: int,
    model: SuperResolutionConfig,
    training: SuperResolutionTraining,
    run: StageRun,
    *,
    start: tuple[SuperResolution, Float[Tensor, "new old"]] | None = None,
) -> SuperResolution:
    """Train on large `pictures` and the tokens `low` of the same at half the size, all alike.

    `size_px` is the side of the large ones. `start` is a module to go on from, and how its codes make up today's
    (`styledrop.pretraining.start`).

    Raises:
        BaseError: `start` has other sizes.
    """
    module = SuperResolution(model)
    module.init_weights(torch.Generator().manual_seed(run.seed))
    if start is not None:
        start_from(module, start[0].state_dict(), start[1])
    shape = model.generator
    batch_size = batch_share(training.schedule)

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = rng.integers(len(pictures), size=batch_size)
        prompts = [draw_prompt(pictures.captions[row], pictures.phrases[row], training, rng) for row in rows.tolist()]
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        small = low[torch.from_numpy(rows)].long()
        batch = pictures.tokens[torch.from_numpy(rows)].long()
        masked, is_masked = mask_tokens(batch, mask_id=shape.mask_id, generator=draws)
        with torch.no_grad():
            latents = scaled_latents(vqgan, vqgan.decode(small))
        with autocast(masked.device):
            features = text.encode(prompts)
            condition = module.condition(small, latents, features.hidden, features.pooled, size_px)
            logits = module.generator(masked, condition)
        return masked_cross_entropy(logits, batch, is_masked), {}

    train_stage(module, step_loss, training.schedule, run, muon_weights=matrices_of(module, nn.Linear))
    return module
