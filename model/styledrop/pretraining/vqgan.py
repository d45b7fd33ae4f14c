"""Pretraining of the VQGAN on images with pixels in [0, 1] (Muse, arXiv:2301.00704, Sec. 2.2).

The first steps train encoder and decoder without the codebook; it then starts at latents of the
corpus. (With the codebook from the first step, on a corpus that is mostly black and white, the
codes never came to carry colour: docs/log.md.) From there the codebook follows the encoder by
moving averages (VQ-VAE, arXiv:1711.00937, App. A.1), and a code that nobody uses restarts at a
latent of the present batch. The reconstruction is judged in pixels, in their differences along
both axes (edges are what an icon is made of) and in opponent colours.

Distances in pixels alone give a blur wherever several icons have the same tokens. From
`sharpened_from` on a perceptual distance and a discriminator are added (VQGAN, arXiv:2012.09841,
Sec. 3.1), and local mean colours count for themselves. Some tokens are then replaced by ones that are
near in the codebook, with the icon still asked for: a generator's tokens never fit together as an
encoder's do.

Training may start from another VQGAN's encoder and decoder; codes of another number are then found by k-means in
its latents.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.pretraining.augmentation import to_pixels
from styledrop.pretraining.discriminator import Discriminator
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.processes import mean_over_processes, rank_and_count, take_from_first
from styledrop.pretraining.stage import Report, Schedule, train_stage
from styledrop.pretraining.start import clustered, start_from
from styledrop.vqgan import VQGAN, VQGANConfig

_PALETTE_PX = 4
"""Side of the cells whose mean colours are compared."""
_STARTED_ON = 6000
"""Images in whose latents the codes are found that training starts with."""


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
    sharpened_from: int = 5400
    """First step with a perceptual distance, a discriminator, local mean colours and replaced tokens."""
    perceptual_weight: float = 0.5
    palette_weight: float = 3.0
    """Of the absolute difference of local mean colours: sets of icons differ in the exact hue of a red."""
    adversarial_weight: float = 0.05
    discriminator_widths: tuple[int, ...] = (32, 64, 128)
    replaced_share: float = 0.3
    """The most of an image's tokens that are replaced by near ones."""
    near_codes: int = 8
    """A replaced token becomes one of so many nearest."""


class _Players(nn.Module):
    def __init__(self, training: VQGANTraining) -> None:
        super().__init__()
        self.vqgan = VQGAN(training.model)
        self.vqgan.codebook.requires_grad_(False)
        self.vqgan.register_buffer("code_usage", torch.ones(training.model.num_vq_embeddings))
        self.vqgan.register_buffer("code_sum", self.vqgan.codebook.data.clone())
        self.discriminator = Discriminator(training.discriminator_widths)


def train_vqgan(
    images: UInt8[np.ndarray, "images height width 3"],
    weights: Float[np.ndarray, " images"],
    perceptual: PerceptualDistance,
    training: VQGANTraining,
    folder: Path,
    *,
    start: VQGAN | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> VQGAN:
    """Train E, D and the codebook; `weights` are the images' sampling weights.

    Raises:
        BaseError: encoder or decoder of `start` have other sizes.
    """
    torch.manual_seed(seed)
    players = _Players(training).to(memory_format=torch.channels_last)
    vqgan, discriminator = players.vqgan, players.discriminator
    cumulative = np.cumsum(weights / weights.sum())
    # The other processes take the first one's weights, and a checkpoint's replace all.
    if start is not None and rank_and_count()[0] == 0 and not (folder / "checkpoint.safetensors").is_file():
        drawn = np.random.default_rng(seed).choice(len(images), _STARTED_ON, p=weights / weights.sum())
        _start(vqgan, start, np.asarray(images[np.sort(drawn)]), seed)

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
        is_sharpened = step >= training.sharpened_from
        codes = vqgan.codebook[tokens]
        quantized = flat if is_continuous else flat + (codes - flat).detach()
        if is_sharpened:
            shown = _replaced(vqgan.codebook, tokens.view(len(batch), -1), training, rng).view(-1)
            quantized = torch.where((shown != tokens)[:, None], vqgan.codebook[shown], quantized)
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
        figures = {}
        if is_sharpened:
            distance = perceptual(pixels, batch)
            told_apart = discriminator.told_apart(batch, pixels)
            loss = loss + training.perceptual_weight * distance + told_apart
            loss = loss + training.palette_weight * _palette_distance(pixels, batch)
            loss = loss + training.adversarial_weight * discriminator.seen_as_decoded(pixels)
            figures = {"perceptual": float(distance.detach()), "told_apart": float(told_apart.detach())}
        used = float((vqgan.get_buffer("code_usage") > 0.05).sum())
        return loss, {"psnr": -10 * float(torch.log10(squared.detach())), "codes_used": used, **figures}

    # Neither the first layer nor the last, whose channels are colours.
    matrices = [weight for weight in matrices_of(vqgan, nn.Conv2d) if 3 not in weight.shape[:2]]
    train_stage(players, step_loss, training.schedule, folder, seed=seed, muon_weights=matrices, report=report)
    del vqgan.code_usage, vqgan.code_sum
    return vqgan


@torch.no_grad()
def _start(vqgan: VQGAN, start: VQGAN, images: UInt8[np.ndarray, "images height width 3"], seed: int) -> None:
    codes = start.codebook
    if len(codes) != len(vqgan.codebook):
        parts = np.array_split(images, max(1, len(images) // 64))
        latents = torch.cat([start.latents(to_pixels(part)).permute(0, 2, 3, 1).flatten(0, 2) for part in parts])
        codes = clustered(latents, len(vqgan.codebook), generator=torch.Generator().manual_seed(seed))
    table = {"quantize.embedding.weight": codes, "code_sum": codes, "code_usage": vqgan.get_buffer("code_usage")}
    start_from(vqgan, {**start.state_dict(), **table}, torch.eye(len(codes)))


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


def _replaced(
    codebook: Tensor, tokens: Int[Tensor, "images tokens"], training: VQGANTraining, rng: np.random.Generator
) -> Int[Tensor, "images tokens"]:
    """Some tokens of each image become near ones."""
    of_each = rng.random((len(tokens), 1)) * training.replaced_share
    chosen = torch.from_numpy(rng.random(tokens.shape) < of_each)
    # The codes move at every step, so only those that are needed are compared with all.
    near = torch.cdist(codebook[tokens[chosen]], codebook).topk(training.near_codes + 1, largest=False).indices[:, 1:]
    drawn = torch.from_numpy(rng.integers(training.near_codes, size=(len(near), 1)))
    return tokens.masked_scatter(chosen, near.gather(1, drawn))


def _edge_distance(a: Tensor, b: Tensor) -> Tensor:
    horizontal = (a.diff(dim=3) - b.diff(dim=3)).abs().mean()
    return horizontal + (a.diff(dim=2) - b.diff(dim=2)).abs().mean()


def _palette_distance(a: Tensor, b: Tensor) -> Tensor:
    return F.avg_pool2d(a - b, _PALETTE_PX).abs().mean()


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
