"""Pretraining of the VQGAN on images with pixels in [0, 1] (Muse, arXiv:2301.00704, Sec. 2.2).

From nothing, the first steps train encoder and decoder without the codebook, which then starts at the centres that
k-means finds among latents of the images. From there the codebook follows the encoder (`styledrop.pretraining.codes`).
The loss compares pixels, their differences along both axes (edges are what an icon is made of) and opponent colours.
The decoder is sharpened afterwards (`styledrop.pretraining.decoder`).
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from styledrop.config.pretraining import VQGANTraining
from styledrop.precision import autocast
from styledrop.pretraining.augmentation import to_pixels
from styledrop.pretraining.codes import TrainedCodes
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.processes import rank_and_count
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from styledrop.pretraining.start import clustered, start_from
from styledrop.vqgan import VQGAN, VQGANConfig

_EDGE_WEIGHT = 1.0
_CHROMA_WEIGHT = 8.0
_STARTED_ON = 2000
"""Images in whose latents the codes are found that training starts with."""


class _Players(nn.Module):
    def __init__(self, training: VQGANTraining, size_px: int) -> None:
        super().__init__()
        self.vqgan = VQGAN(vqgan_config(training, size_px))
        self.vqgan.codebook.requires_grad_(False)
        self.codes = TrainedCodes(training.num_codes, training.latent_channels)


def vqgan_config(training: VQGANTraining, size_px: int) -> VQGANConfig:
    """The architecture that is trained so, for images of `size_px`."""
    return VQGANConfig(
        block_out_channels=training.block_out_channels,
        layers_per_block=training.layers_per_block,
        latent_channels=training.latent_channels,
        num_vq_embeddings=training.num_codes,
        norm_num_groups=training.norm_num_groups,
        sample_size=size_px // training.downsampling,
    )


def train_vqgan(
    images: UInt8[np.ndarray, "images height width 3"],
    kept: Mapping[str, UInt8[np.ndarray, "kept height width 3"]],
    training: VQGANTraining,
    run: StageRun,
    *,
    start: VQGAN | None = None,
) -> VQGAN:
    """Train E, D and the codebook on `images`, all alike; the curve has the `psnr` of those `kept`, by their names.

    With `start`, training goes on from its encoder and decoder; the codes are found anew, by k-means in its latents.

    Raises:
        BaseError: encoder or decoder of `start` have other sizes.
    """
    torch.manual_seed(run.seed)
    players = _Players(training, images.shape[1]).to(memory_format=torch.channels_last)
    vqgan, codes = players.vqgan, players.codes
    # The other processes take the first one's weights, and a checkpoint's replace all.
    is_first = rank_and_count()[0] == 0 and not (run.folder / "checkpoint.safetensors").is_file()
    if start is not None and is_first:
        start_from(vqgan, {**start.state_dict(), "quantize.embedding.weight": vqgan.codebook}, torch.eye(1))
        _find_codes(players, images, run.seed)
    continuous_steps = training.continuous_steps if start is None else 0

    def step_loss(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        if step == continuous_steps > 0:
            _find_codes(players, images, run.seed)
        rows = np.sort(rng.integers(len(images), size=batch_share(training.schedule)))
        batch = to_pixels(images[rows])
        with autocast(batch.device):
            latents = vqgan.latents(batch)
        flat = latents.float().permute(0, 2, 3, 1).flatten(0, 2)
        chosen = codes.nearest(flat.detach())
        is_continuous = step < continuous_steps
        nearest = codes.table()[chosen]
        quantized = flat if is_continuous else flat + (nearest - flat).detach()
        grid = quantized.view(latents.shape[0], latents.shape[2], latents.shape[3], -1).permute(0, 3, 1, 2)
        with autocast(batch.device):
            pixels = vqgan.pixels(grid)
        pixels = pixels.float()
        loss = pixel_distance(pixels, batch)
        if is_continuous:
            loss = loss + 1e-3 * flat.square().mean()  # keeps the latents' scale bounded
        else:
            loss = loss + training.commitment_weight * (flat - nearest).square().mean()
            restarts = step % training.restart_every == 0 and step < training.schedule.num_steps * 0.8
            codes.follow(flat.detach(), chosen, decay=training.codebook_decay, restarts=restarts, rng=rng)
        psnr = -10 * math.log10(float((pixels - batch).detach().square().mean()))
        return loss, {"psnr": psnr, "bits_used": codes.bits_used()}

    def evaluate() -> dict[str, float]:
        vqgan.codebook.copy_(codes.table())
        return {f"psnr_{name}": reconstruction_psnr(vqgan, some) for name, some in kept.items()}

    train_stage(players, step_loss, training.schedule, run, muon_weights=inner_kernels(vqgan), evaluate=evaluate)
    with torch.no_grad():
        vqgan.codebook.copy_(codes.table())
    return vqgan


@torch.no_grad()
def reconstruction_psnr(
    vqgan: VQGAN, images: UInt8[np.ndarray, "images height width 3"], *, batch_size: int = 64
) -> float:
    """How near images come back from their tokens, in dB: the PSNR of the mean squared error."""
    squared = 0.0
    for start in range(0, len(images), batch_size):
        pixels = to_pixels(images[start : start + batch_size])
        with autocast(pixels.device):
            decoded = vqgan.decode(vqgan.encode(pixels))
        squared += float((decoded.float() - pixels).square().mean()) * len(pixels) / len(images)
    return -10 * math.log10(max(squared, 1e-10))


@torch.inference_mode()
def reconstruct(
    vqgan: VQGAN, images: UInt8[np.ndarray, "images height width 3"]
) -> UInt8[np.ndarray, "images height width 3"]:
    """Images to tokens and back."""
    decoded = vqgan.decode(vqgan.encode(to_pixels(images)))
    return (decoded * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@torch.no_grad()
def _find_codes(players: _Players, images: UInt8[np.ndarray, "images height width 3"], seed: int) -> None:
    """Start the codes at the centres of latents of the images."""
    rows = np.random.default_rng(seed).choice(len(images), min(_STARTED_ON, len(images)), replace=False)
    parts = np.array_split(np.sort(rows), max(1, len(rows) // 64))
    latents = [players.vqgan.latents(to_pixels(images[part])).permute(0, 2, 3, 1).flatten(0, 2) for part in parts]
    generator = torch.Generator().manual_seed(seed)
    players.codes.start_at(clustered(torch.cat(latents), len(players.codes.usage), generator=generator))


def pixel_distance(
    decoded: Float[Tensor, "batch 3 height width"], real: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, ""]:
    """How far decoded images are from real ones: in pixels, in edges and in opponent colours."""
    difference = decoded - real
    distance = difference.abs().mean() + difference.square().mean()
    distance = distance + _EDGE_WEIGHT * (difference.diff(dim=3).abs().mean() + difference.diff(dim=2).abs().mean())
    red, green, blue = difference.unbind(dim=1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], dim=1)
    # Squared, not absolute: most pixels are grey, and the median colour of an unsure decoder is grey.
    return distance + _CHROMA_WEIGHT * opponents.square().mean()


def inner_kernels(vqgan: VQGAN) -> list[Tensor]:
    """The trained kernels but those of the first layer and the last, whose channels are colours: Muon's."""
    return [weight for weight in matrices_of(vqgan, nn.Conv2d) if 3 not in weight.shape[:2]]
