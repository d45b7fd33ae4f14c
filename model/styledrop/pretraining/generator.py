"""Pretraining of both generators by masked modelling (Muse, arXiv:2301.00704, Sec. 2.4-2.6; StyleDrop eq. 2).

Pictures are tokenized once. A step takes the next ones in a random order, each once an epoch, writes each a prompt from
its caption and the words of its look, drops the text of some, masks, and predicts. Super-resolution is given the tokens
of the same image at half its size, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.config.pretraining import MaskedModelTraining, SuperResolutionTraining, TextTraining, VQGANTraining
from styledrop.generator import Condition, Generator, GeneratorConfig, micro_conditions
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.precision import autocast
from styledrop.pretraining.augmentation import to_pixels
from styledrop.pretraining.muon import matrices_of
from styledrop.pretraining.processes import rank_and_count
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from styledrop.pretraining.start import start_from
from styledrop.super_resolution import SuperResolution, SuperResolutionConfig, scaled_latents
from styledrop.text import TextEncoder, TextFeatures
from styledrop.vqgan import VQGAN


def generator_config(
    training: MaskedModelTraining, text: TextTraining, vqgan: VQGANTraining, size_px: int
) -> GeneratorConfig:
    """The architecture of a generator that is trained so, for images of `size_px`."""
    same = {name for name in type(training).model_fields if name in GeneratorConfig.__dataclass_fields__}
    return GeneratorConfig(
        **training.model_dump(include=same),
        in_channels=training.channels,
        block_out_channels=training.channels,
        block_num_heads=training.channel_heads,
        cond_embed_dim=text.embed_dim,
        encoder_hidden_size=text.width,
        micro_cond_embed_dim=5 * training.micro_cond_encode_dim,
        codebook_size=vqgan.num_codes,
        vocab_size=vqgan.num_codes + 1,
        sample_size=size_px // vqgan.downsampling,
    )


@torch.inference_mode()
def tokenize_images(
    vqgan: VQGAN, images: UInt8[np.ndarray, "images height width 3"], *, batch_size: int = 128
) -> Int[Tensor, "images tokens"]:
    """Tokens of all images, as int16 to keep them small."""
    batches = []
    for start in range(0, len(images), batch_size):
        pixels = to_pixels(images[start : start + batch_size])
        with autocast(pixels.device):
            batches.append(vqgan.encode(pixels).to(torch.int16))
    return torch.cat(batches)


@dataclass(frozen=True, kw_only=True)
class TokenizedPictures:
    """Pictures as a generator is trained on them, or measured; entry i of every column belongs to picture i."""

    tokens: Int[Tensor, "pictures tokens"]
    captions: Sequence[str]
    phrases: Sequence[str]
    """Words of each one's look."""

    def __len__(self) -> int:
        return len(self.captions)


def train_generator(
    pictures: TokenizedPictures,
    kept: Mapping[str, TokenizedPictures],
    text: TextEncoder,
    size_px: int,
    model: GeneratorConfig,
    training: MaskedModelTraining,
    run: StageRun,
    *,
    start: tuple[Generator, Float[Tensor, "new old"]] | None = None,
) -> Generator:
    """Train G on `pictures`; the curve has the cross entropy of those `kept`, under their names.

    `start` is a generator to go on from, and how its codes make up today's (`styledrop.pretraining.start`).

    Raises:
        BaseError: `start` has other sizes.
    """
    generator = Generator(model)
    generator.init_weights(torch.Generator().manual_seed(run.seed))
    if start is not None:
        start_from(generator, start[0].state_dict(), start[1])
    batch_size = batch_share(training.schedule)
    micro = micro_conditions(size_px, batch_size)

    def step_loss(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = _next_rows(len(pictures), training.schedule.batch_size, batch_size, step, run.seed)

        def condition(features: TextFeatures) -> Condition:
            return generator.condition(features.hidden, features.pooled, micro)

        return _masked_loss(generator, condition, text, pictures, rows, training, rng), {}

    def evaluate() -> dict[str, float]:
        return {name: masked_error(generator, text, some, size_px).nats for name, some in kept.items()}

    matrices = matrices_of(generator, nn.Linear)
    train_stage(generator, step_loss, training.schedule, run, muon_weights=matrices, evaluate=evaluate)
    return generator


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
    batch_size = batch_share(training.schedule)

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = rng.integers(len(pictures), size=batch_size)
        small = low[torch.from_numpy(rows)].long()
        with torch.no_grad():
            latents = scaled_latents(vqgan, vqgan.decode(small))

        def condition(features: TextFeatures) -> Condition:
            return module.condition(small, latents, features.hidden, features.pooled, size_px)

        return _masked_loss(module.generator, condition, text, pictures, rows, training, rng), {}

    train_stage(module, step_loss, training.schedule, run, muon_weights=matrices_of(module, nn.Linear))
    return module


def _masked_loss(
    generator: Generator,
    condition: Callable[[TextFeatures], Condition],
    text: TextEncoder,
    pictures: TokenizedPictures,
    rows: Int[np.ndarray, " batch"],
    training: MaskedModelTraining,
    rng: np.random.Generator,
) -> Float[Tensor, ""]:
    """Draw a prompt for each of `rows` of `pictures`, mask some of its tokens, and predict these."""
    prompts = [draw_prompt(pictures.captions[row], pictures.phrases[row], training, rng) for row in rows]
    tokens = pictures.tokens[torch.from_numpy(rows)].long()
    draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
    masked, is_masked = mask_tokens(tokens, mask_id=generator.config.mask_id, generator=draws)
    with autocast(masked.device):
        logits = generator(masked, condition(text.encode(prompts)))
    return masked_cross_entropy(logits, tokens, is_masked)


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedError:
    """How well masked tokens are predicted."""

    nats: float
    """Mean cross entropy a masked token; the logarithm of the codebook's size if nothing is known."""
    share_right: float
    """Of the masked tokens, those whose likeliest code is the right one."""
    nats_of_each: Float[Tensor, " pictures"]
    """Mean over each picture's masked tokens."""


@torch.no_grad()
def masked_error(
    generator: Generator, text: TextEncoder, pictures: TokenizedPictures, size_px: int, *, batch_size: int = 64
) -> MaskedError:
    """Mask pictures as in training, always at the same places, and predict with their whole prompts."""
    draws = torch.Generator().manual_seed(0)
    losses, hits = [], []
    for first in range(0, len(pictures), batch_size):
        batch = pictures.tokens[first : first + batch_size].long()
        prompts = [
            f"{pictures.captions[row]} in {pictures.phrases[row]} style" for row in range(first, first + len(batch))
        ]
        masked, is_masked = mask_tokens(batch, mask_id=generator.config.mask_id, generator=draws)
        with autocast(masked.device):
            features = text.encode(prompts)
            condition = generator.condition(features.hidden, features.pooled, micro_conditions(size_px, len(batch)))
            logits = generator(masked, condition)
        loss = F.cross_entropy(logits.float().mT, batch, reduction="none")
        counts = is_masked.sum(dim=1)
        losses.append((loss * is_masked).sum(dim=1) / counts)
        hits.append(((logits.argmax(dim=2) == batch) & is_masked).sum(dim=1) / counts)
    of_each = torch.cat(losses)
    return MaskedError(nats=float(of_each.mean()), share_right=float(torch.cat(hits).mean()), nats_of_each=of_each)


def _next_rows(count: int, batch_size: int, share: int, step: int, seed: int) -> Int[np.ndarray, " rows"]:
    """This process's pictures of the step: an epoch has all of them, in an order of its own."""
    places = step * batch_size + rank_and_count()[0] * share + np.arange(share)
    epochs = places // count
    return np.array([_order(count, seed, int(e))[place % count] for e, place in zip(epochs, places, strict=True)])


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> Int[np.ndarray, " pictures"]:
    return np.random.default_rng([seed, epoch]).permutation(count)


def draw_prompt(caption: str, phrase: str, training: MaskedModelTraining, rng: np.random.Generator) -> str:
    """Draw a picture's prompt: nothing, its caption, or the caption and the words of its look."""
    drawn = rng.random()
    if drawn < training.text_dropout:
        return ""
    return caption if drawn < training.text_dropout + training.caption_only else f"{caption} in {phrase} style"
