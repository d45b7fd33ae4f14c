"""Pretraining of the generator by masked modelling (Muse, arXiv:2301.00704, Sec. 2.4-2.6; StyleDrop eq. 2).

Images are tokenized once; a step draws images by weight, writes each a prompt from its caption
and one of its style's descriptions, drops the text of every tenth, masks, and predicts. The
learning rate is constant until a short decay, so that a run can ship at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from styledrop.generator import Generator, GeneratorConfig
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.precision import autocast
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.stage import Report, Schedule, train_stage
from styledrop.pretraining.start import start_from
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN

_AESTHETIC_SCORE = 6.0  # the fifth micro-condition, as everywhere in aMUSEd


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratorTraining:
    """What is trained and how."""

    model: GeneratorConfig
    schedule: Schedule
    text_dropout: float = 0.1
    """Share of prompts replaced by the empty one, for guidance (Muse, Sec. 2.7)."""
    caption_only: float = 0.05
    """Share of prompts without a style phrase."""
    label_smoothing: float = 0.0


@torch.inference_mode()
def tokenize_images(
    vqgan: VQGAN, images: UInt8[np.ndarray, "images height width 3"], *, batch_size: int = 128
) -> Int[Tensor, "images tokens"]:
    """Tokens of all images, as int16 to keep them small."""
    batches = []
    for start in range(0, len(images), batch_size):
        pixels = torch.from_numpy(images[start : start + batch_size].astype(np.float32) / 255.0)
        pixels = pixels.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        batches.append(vqgan.encode(pixels).to(torch.int16))
    return torch.cat(batches)


def train_generator(
    tokens: Int[Tensor, "images tokens"],
    captions: Sequence[str],
    styles: Sequence[str],
    weights: Float[np.ndarray, " images"],
    phrases: dict[str, list[str]],
    text: TextEncoder,
    size_px: int,
    training: GeneratorTraining,
    folder: Path,
    *,
    start: tuple[Generator, Float[Tensor, "new old"]] | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> Generator:
    """Train G on tokenized images; `phrases` holds each style's descriptions.

    `start` is a generator to go on from, and how its codes make up today's (`styledrop.pretraining.start`).

    Raises:
        BaseError: `start` has other sizes.
    """
    generator = Generator(training.model)
    generator.init_weights(torch.Generator().manual_seed(seed))
    if start is not None:
        start_from(generator, start[0].state_dict(), start[1])
    cumulative = np.cumsum(weights / weights.sum())
    batch_size = training.schedule.batch_share
    micro = torch.tensor([[size_px, size_px, 0.0, 0.0, _AESTHETIC_SCORE]]).expand(batch_size, -1)

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        # One image from each of batch_size equal slices of the weights: the same mean, less noise.
        points = (np.arange(batch_size) + rng.random()) / batch_size
        rows = np.searchsorted(cumulative, points).clip(max=len(cumulative) - 1)
        prompts = [
            draw_prompt(captions[row], phrases[styles[row]], training.text_dropout, training.caption_only, rng)
            for row in rows.tolist()
        ]
        batch = tokens[torch.from_numpy(rows)].long()
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        masked, is_masked = mask_tokens(batch, mask_id=training.model.mask_id, generator=draws)
        with autocast(masked.device):
            features = text.encode(prompts)
            logits = generator(masked, generator.condition(features.hidden, features.pooled, micro))
        loss = masked_cross_entropy(logits, batch, is_masked, label_smoothing=training.label_smoothing)
        return loss, {}

    matrices = matrices_of(generator, nn.Linear)
    train_stage(generator, step_loss, training.schedule, folder, seed=seed, muon_weights=matrices, report=report)
    return generator


def draw_prompt(
    caption: str, phrases: Sequence[str], text_dropout: float, caption_only: float, rng: np.random.Generator
) -> str:
    """Draw an image's prompt: nothing, its caption, or the caption and one of its style's descriptions."""
    phrase = phrases[int(rng.integers(len(phrases)))]
    fate = rng.random()
    if fate < text_dropout:
        return ""
    return caption if fate < text_dropout + caption_only else f"{caption} in {phrase} style"
