"""Pretraining of the VQGAN on images with pixels in [0, 1] (Muse, arXiv:2301.00704, Sec. 2.2).

The first steps train encoder and decoder without the codebook; it then starts at latents of the
corpus. (With the codebook from the first step, on a corpus that is mostly black and white, the
codes never came to carry colour: docs/log.md.) From there the codebook follows the encoder by
moving averages (VQ-VAE, arXiv:1711.00937, App. A.1), and a code that nobody uses restarts at a
latent of the present batch. The reconstruction is judged in pixels, in their differences along
both axes (edges are what an icon is made of) and in opponent colours.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from styledrop.pretraining.processes import mean_over_processes, take_from_first
from styledrop.pretraining.stage import Report, Schedule, train_stage
from styledrop.vqgan import VQGAN, VQGANConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class VQGANTraining:
    """What is trained and how."""

    model: VQGANConfig
    schedule: Schedule
    commitment_weight: float = 0.25
    continuous_steps: int = 400
    """First steps, without the codebook."""
    edge_weight: float = 1.0
    chroma_weight: float = 8.0
    """Squared, not absolute: most pixels are grey, and the median colour of an unsure decoder is grey."""
    recolour_rate: float = 0.3
    """Share of images whose colours are changed, so that palettes outside the corpus are coded as well."""
    codebook_decay: float = 0.98
    restart_every: int = 50


def train_vqgan(
    images: UInt8[np.ndarray, "images height width 3"],
    weights: Float[np.ndarray, " images"],
    training: VQGANTraining,
    folder: Path,
    *,
    seed: int = 0,
    report: Report | None = None,
) -> VQGAN:
    """Train E, D and the codebook; `weights` are the images' sampling weights."""
    torch.manual_seed(seed)
    vqgan = VQGAN(training.model)
    vqgan.codebook.requires_grad_(False)
    vqgan.register_buffer("code_usage", torch.ones(training.model.num_vq_embeddings))
    vqgan.register_buffer("code_sum", vqgan.codebook.data.clone())
    vqgan.to(memory_format=torch.channels_last)
    cumulative = np.cumsum(weights / weights.sum())

    def step_loss(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = np.searchsorted(cumulative, rng.random(training.schedule.batch_share)).clip(max=len(images) - 1)
        batch = _augment(images[rows], training.recolour_rate, rng)
        latents = vqgan.latents(batch)
        flat = latents.permute(0, 2, 3, 1).flatten(0, 2)
        tokens = vqgan.nearest_codes(flat.detach())
        is_continuous = step < training.continuous_steps
        if is_continuous:  # The codebook only gathers latents to start from.
            start = step * 8 % training.model.num_vq_embeddings
            chosen = torch.from_numpy(rng.integers(len(flat), size=min(8, training.model.num_vq_embeddings - start)))
            vqgan.get_buffer("code_sum")[start : start + len(chosen)] = flat.detach()[chosen]
            take_from_first(vqgan.get_buffer("code_sum"))
            vqgan.codebook.data.copy_(vqgan.get_buffer("code_sum"))
        codes = vqgan.codebook[tokens]
        quantized = flat if is_continuous else flat + (codes - flat).detach()
        grid = quantized.view(latents.shape[0], latents.shape[2], latents.shape[3], -1).permute(0, 3, 1, 2)
        pixels = vqgan.pixels(grid)
        squared = (pixels - batch).square().mean()
        loss = (pixels - batch).abs().mean() + squared + training.edge_weight * _edge_distance(pixels, batch)
        loss = loss + training.chroma_weight * (_opponents(pixels) - _opponents(batch)).square().mean()
        if is_continuous:
            loss = loss + 1e-3 * flat.square().mean()  # keeps the latents' scale bounded
        else:
            loss = loss + training.commitment_weight * (flat - codes).square().mean()
            _update_codebook(vqgan, flat.detach(), tokens, training, step, rng)
        used = float((vqgan.get_buffer("code_usage") > 0.05).sum())
        return loss, {"psnr": -10 * float(torch.log10(squared.detach())), "codes_used": used}

    train_stage(vqgan, step_loss, training.schedule, folder, seed=seed, report=report)
    del vqgan.code_usage, vqgan.code_sum
    return vqgan


def _update_codebook(
    vqgan: VQGAN, latents: Tensor, tokens: Tensor, training: VQGANTraining, step: int, rng: np.random.Generator
) -> None:
    usage, code_sum = vqgan.get_buffer("code_usage"), vqgan.get_buffer("code_sum")
    decay = training.codebook_decay
    counts = torch.bincount(tokens, minlength=usage.shape[0]).float()
    sums = torch.zeros_like(code_sum).index_add_(0, tokens, latents)
    mean_over_processes([counts, sums])
    usage.mul_(decay).add_(counts, alpha=1 - decay)
    code_sum.mul_(decay).add_(sums, alpha=1 - decay)
    if step % training.restart_every == 0 and step < training.schedule.num_steps * 0.8:
        dead = (usage < 0.02).nonzero()[:, 0]
        if len(dead):
            chosen = torch.from_numpy(rng.integers(len(latents), size=len(dead)))
            usage[dead] = 1.0
            code_sum[dead] = latents[chosen]
            take_from_first(code_sum)
    alive = usage > 1e-4
    vqgan.codebook.data[alive] = code_sum[alive] / usage[alive, None]


def _edge_distance(a: Tensor, b: Tensor) -> Tensor:
    horizontal = (a.diff(dim=3) - b.diff(dim=3)).abs().mean()
    return horizontal + (a.diff(dim=2) - b.diff(dim=2)).abs().mean()


def _opponents(images: Tensor) -> Tensor:
    red, green, blue = images.unbind(dim=1)
    return torch.stack([red - green, (red + green) / 2 - blue], dim=1)


def _augment(images: np.ndarray, recolour_rate: float, rng: np.random.Generator) -> Tensor:
    batch = images.astype(np.float32) / 255.0
    flip = rng.random(len(batch)) < 0.5
    batch[flip] = batch[flip, :, ::-1]
    for i in np.nonzero(rng.random(len(batch)) < recolour_rate)[0]:
        low, high = rng.random(3) * 0.5, 0.5 + rng.random(3) * 0.5
        if rng.random() < 0.3:
            low, high = high, low
        batch[i] = low + batch[i][..., rng.permutation(3)] * (high - low)
    return torch.from_numpy(batch.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
