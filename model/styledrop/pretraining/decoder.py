"""Pretraining of the decoder alone, for sharp pictures: encoder and codebook stay as they are (Muse, App. A.2).

Distances in pixels alone give a blur wherever several images have the same tokens. So a perceptual distance and a
discriminator are added (VQGAN, arXiv:2012.09841, Sec. 3.1), and local mean colours count for themselves. Some tokens
are replaced by near ones, with the same image still asked for: a generator's tokens never fit together as an
encoder's do. The tokens do not change, so the generator can be trained before or meanwhile.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.config.pretraining import DecoderTraining
from styledrop.precision import autocast
from styledrop.pretraining.augmentation import to_pixels
from styledrop.pretraining.discriminator import Discriminator
from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from styledrop.pretraining.vqgan import inner_kernels, pixel_distance, reconstruction_psnr
from styledrop.vqgan import VQGAN

_PALETTE_PX = 4
"""Side of the cells whose mean colours are compared."""


class _Players(nn.Module):
    def __init__(self, vqgan: VQGAN, training: DecoderTraining) -> None:
        super().__init__()
        self.vqgan = copy.deepcopy(vqgan).float().requires_grad_(False)
        self.vqgan.post_quant_conv.requires_grad_(True)
        self.vqgan.decoder.requires_grad_(True)
        self.discriminator = Discriminator(training.discriminator_widths)


def train_decoder(
    vqgan: VQGAN,
    images: UInt8[np.ndarray, "images height width 3"],
    tokens: Int[Tensor, "images tokens"],
    kept: Mapping[str, UInt8[np.ndarray, "kept height width 3"]],
    perceptual: PerceptualDistance,
    training: DecoderTraining,
    run: StageRun,
) -> VQGAN:
    """Train D of a copy of `vqgan` on `images`, whose `tokens` are its own.

    The curve has the `psnr` of those `kept`, by their names.
    """
    torch.manual_seed(run.seed)
    players = _Players(vqgan, training).to(memory_format=torch.channels_last)
    trained, discriminator = players.vqgan, players.discriminator

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = np.sort(rng.integers(len(images), size=batch_share(training.schedule)))
        batch = to_pixels(images[rows])
        shown = replace_some(trained.codebook, tokens[torch.from_numpy(rows)].long(), training, rng)
        side = round(tokens.shape[1] ** 0.5)
        grid = trained.codebook[shown].unflatten(1, (side, side)).permute(0, 3, 1, 2)
        with autocast(batch.device):
            pixels = trained.pixels(grid)
        pixels = pixels.float()
        distance, hinge = perceptual(pixels, batch), discriminator.hinge_loss(batch, pixels)
        loss = pixel_distance(pixels, batch) + training.perceptual_weight * distance + hinge
        loss = loss + training.palette_weight * F.avg_pool2d(pixels - batch, _PALETTE_PX).abs().mean()
        loss = loss + training.adversarial_weight * discriminator.decoder_loss(pixels)
        return loss, {"perceptual": float(distance.detach()), "hinge": float(hinge.detach())}

    def evaluate() -> dict[str, float]:
        return {f"psnr_{name}": reconstruction_psnr(trained, some) for name, some in kept.items()}

    train_stage(players, step_loss, training.schedule, run, muon_weights=inner_kernels(trained), evaluate=evaluate)
    return trained


def replace_some(
    codebook: Float[Tensor, "codes channels"],
    tokens: Int[Tensor, "images tokens"],
    training: DecoderTraining,
    rng: np.random.Generator,
) -> Int[Tensor, "images tokens"]:
    """Replace some tokens of each image by near ones, a share of it between none and `replaced_share`."""
    of_each = rng.random((len(tokens), 1)) * training.replaced_share
    chosen = torch.from_numpy(rng.random(tokens.shape) < of_each)
    near = torch.cdist(codebook[tokens[chosen]], codebook).topk(training.near_codes + 1, largest=False).indices[:, 1:]
    drawn = torch.from_numpy(rng.integers(training.near_codes, size=(len(near), 1)))
    return tokens.masked_scatter(chosen, near.gather(1, drawn))
