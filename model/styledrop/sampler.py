"""Parallel decoding of masked image tokens (MaskGIT, arXiv 2202.04200, Sec. 3.2), and images from prompts with it.

`decode` knows nothing of text, adapters or pixels: it gets a function from tokens to logits.

Each step: 1. predict all tokens; 2. draw one for each masked place; 3. keep those drawn with the
most confidence; 4. re-mask the rest, fewer from step to step by the cosine schedule.

An image is a function of its seed, its prompt and the settings: the batch it is drawn in, and its
place there, change none of its random draws.

Shapes: batch, tokens (height x width of the latent grid), codebook.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor

from styledrop.adapters import Adapter
from styledrop.base import Base
from styledrop.errors import SamplingError
from styledrop.guidance import Guidance, TokensToLogits, guided

_MAX_SEED = 2**32 - 1  # torch's CPU generator takes seeds modulo 2**32: larger ones would repeat images
_CONFIDENCE_OF_KNOWN_TOKENS = math.inf  # no noise may re-mask what was given or kept
_TINY = 1e-20  # keeps the logarithms finite, as in aMUSEd

Progress = Callable[[int, int], None]
"""Called after each batch with the number of images drawn so far, and of all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig:
    """How images are drawn; the defaults are the paper's (Tab. S3)."""

    steps: int = 36
    temperature: float | tuple[float, float] = 4.5
    """Noise in the choice of tokens to keep, falling to zero (MaskGIT); a pair runs linearly from first
    to last step (aMUSEd, there 2 to 0). The tokens themselves are always drawn at temperature 1."""
    batch_size: int = 16
    """Images at a time; guidance runs up to three rows for each."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SamplingError(f"expected steps >= 1, got {self.steps}; the paper uses 36")
        if self.batch_size < 1:
            raise SamplingError(f"expected batch_size >= 1, got {self.batch_size}")


@torch.inference_mode()
def sample(
    base: Base,
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    style: Adapter | None = None,
    guidance: Guidance | None = None,
    config: SamplingConfig | None = None,
    negative_prompt: str = "",
    progress: Progress | None = None,
) -> list[Image.Image]:
    """Draw one image for each prompt and seed; `style` None draws with the base alone.

    Raises:
        SamplingError: nothing to draw, an empty prompt, or seeds that do not fit the prompts.
    """
    batch_size = (config or SamplingConfig()).batch_size
    tokens = sample_tokens(
        base,
        prompts,
        seeds=seeds,
        style=style,
        guidance=guidance,
        config=config,
        negative_prompt=negative_prompt,
        progress=progress,
    )
    return [image for part in tokens.split(batch_size) for image in base.render(part)]


@torch.inference_mode()
def sample_tokens(
    base: Base,
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    style: Adapter | None = None,
    guidance: Guidance | None = None,
    config: SamplingConfig | None = None,
    negative_prompt: str = "",
    progress: Progress | None = None,
) -> Int[Tensor, "images tokens"]:
    """Do as `sample` does, up to the tokens."""
    guidance, config = guidance or Guidance(), config or SamplingConfig()
    _check_request(prompts, seeds)
    shape = base.generator.config
    places = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
    texts = base.text.encode(list(places))
    nothing = base.text.encode([negative_prompt])
    negative = base.condition(nothing.hidden, nothing.pooled)

    chunks = []
    for start in range(0, len(prompts), config.batch_size):
        chunk = prompts[start : start + config.batch_size]
        # Only the chunk's own prompts are conditioned: a condition is some fifty times larger than its text.
        distinct = list(dict.fromkeys(chunk))
        rows = [places[prompt] for prompt in distinct]
        condition = base.condition(texts.hidden[rows], texts.pooled[rows])
        logits = guided(
            base.generator,
            condition.select(torch.tensor([distinct.index(prompt) for prompt in chunk], device=base.device)),
            negative.select(torch.zeros(len(chunk), dtype=torch.long, device=base.device)),
            style=style,
            guidance=guidance,
        )
        masked = torch.full((len(chunk), shape.num_tokens), shape.mask_id, device=base.device)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds[start : start + len(chunk)]]
        chunks.append(
            decode(
                logits,
                masked,
                mask_id=shape.mask_id,
                steps=config.steps,
                temperature=config.temperature,
                generators=generators,
            )
        )
        if progress is not None:
            progress(start + len(chunk), len(prompts))
    return torch.cat(chunks)


@torch.inference_mode()
def decode(
    tokens_to_logits: TokensToLogits,
    masked: Int[Tensor, "batch tokens"],
    *,
    mask_id: int,
    steps: int,
    temperature: float | tuple[float, float],
    generators: Sequence[torch.Generator] | torch.Generator,
) -> Int[Tensor, "batch tokens"]:
    """Fill every `mask_id` in `masked`; tokens that are not masked are never changed.

    Args:
        tokens_to_logits: The model.
        masked: Tokens, those to fill set to `mask_id`.
        mask_id: The id of a masked token.
        steps: Calls of the model.
        temperature: See `SamplingConfig`.
        generators: One for each image; or a single one for all, drawn from in the order of diffusers'
            `AmusedScheduler`, whose tokens are then reproduced.

    Raises:
        SamplingError: if `steps` < 1, nothing is masked, or there is not one generator for each image.
    """
    tokens = masked.clone()
    num_unknown = (tokens == mask_id).sum(dim=1, keepdim=True)
    if steps < 1:
        raise SamplingError(f"expected steps >= 1, got {steps}; the paper uses 36")
    if not bool(num_unknown.any()):
        raise SamplingError(f"expected tokens equal to mask_id {mask_id}, got none; there is nothing to draw")
    temperatures, ratios = _schedule(steps, temperature)
    noise = _noise(generators, masked, steps)

    for step in range(steps):
        is_unknown = tokens == mask_id
        probabilities = tokens_to_logits(tokens).float().softmax(dim=-1)
        tokens = torch.where(is_unknown, noise.draw(step, probabilities), tokens)
        if step + 1 < steps:
            # MaskGIT: confidence = log p(drawn) + temperature x Gumbel noise; the lowest are masked again.
            drawn = tokens.clamp_max(probabilities.shape[-1] - 1)[..., None]
            confidence = probabilities.gather(-1, drawn)[..., 0].clamp_min(_TINY).log()
            confidence += temperatures[step] * noise.gumbel(step)
            confidence = confidence.masked_fill(~is_unknown, _CONFIDENCE_OF_KNOWN_TOKENS)
            count = torch.minimum(is_unknown.sum(dim=1, keepdim=True) - 1, (num_unknown * ratios[step]).long())
            tokens = tokens.masked_fill(_lowest(confidence, count.clamp_min(1)), mask_id)
    return tokens


def _check_request(prompts: Sequence[str], seeds: Sequence[int]) -> None:
    if not prompts:
        raise SamplingError("expected at least one prompt, got none")
    if len(prompts) != len(seeds):
        raise SamplingError(f"expected one seed for each of {len(prompts)} prompts, got {len(seeds)} seeds")
    for place, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        if not prompt.strip():
            raise SamplingError(f"expected a prompt at position {place}, got {prompt!r}; say what to draw")
        if not 0 <= seed <= _MAX_SEED:
            raise SamplingError(f"expected seeds from 0 to {_MAX_SEED}, got {seed} for prompt {prompt!r}")


def _schedule(steps: int, temperature: float | tuple[float, float]) -> tuple[list[float], Tensor]:
    """Give each step's temperature, and the share of the masked tokens that stays masked after it."""
    done = (torch.arange(steps) + 1) / steps
    ramp = torch.linspace(*temperature, steps) if isinstance(temperature, tuple) else temperature * (1 - done)
    # In float32, as MaskGIT and diffusers compute it: the floor below would tell another precision apart.
    return ramp.tolist(), torch.cos(done * math.pi / 2)


def _lowest(confidence: Float[Tensor, "batch tokens"], count: Int[Tensor, "batch 1"]) -> Bool[Tensor, "batch tokens"]:
    """Mark the `count` lowest of each row."""
    return confidence < confidence.sort(dim=1).values.gather(1, count.clamp_max(confidence.shape[1] - 1))


class _NoisePerImage:
    """All of an image's noise is drawn at once from its own generator, before the first step."""

    def __init__(self, generators: Sequence[torch.Generator], like: Tensor, steps: int) -> None:
        drawn = [torch.rand(steps, 2, like.shape[1], generator=generator) for generator in generators]
        self._uniform = torch.stack(drawn).to(like.device)

    def draw(self, step: int, probabilities: Tensor) -> Tensor:
        # By the inverse of the distribution function: one uniform number a token. torch.multinomial
        # would need one for each code, and a call for each image.
        summed = probabilities.cumsum(dim=-1)
        drawn = torch.searchsorted(summed, self._uniform[:, step, 0, :, None] * summed[..., -1:], right=True)
        return drawn[..., 0].clamp_max(probabilities.shape[-1] - 1)

    def gumbel(self, step: int) -> Tensor:
        return _gumbel(self._uniform[:, step, 1])


class _SharedNoise:
    """One generator for the batch, in diffusers' order: a multinomial draw, then a uniform one, each step."""

    def __init__(self, generator: torch.Generator, like: Tensor) -> None:
        self._generator = generator
        self._like = like

    def draw(self, step: int, probabilities: Tensor) -> Tensor:
        flat = probabilities.flatten(0, 1).to(self._generator.device)
        drawn = torch.multinomial(flat, 1, generator=self._generator)
        return drawn.view(probabilities.shape[:-1]).to(self._like.device)

    def gumbel(self, step: int) -> Tensor:
        uniform = torch.rand(self._like.shape, generator=self._generator, device=self._generator.device)
        return _gumbel(uniform.to(self._like.device))


def _noise(
    generators: Sequence[torch.Generator] | torch.Generator, masked: Tensor, steps: int
) -> _NoisePerImage | _SharedNoise:
    if isinstance(generators, torch.Generator):
        return _SharedNoise(generators, masked)
    if len(generators) != len(masked):
        raise SamplingError(f"expected one generator for each of {len(masked)} images, got {len(generators)}")
    return _NoisePerImage(generators, masked, steps)


def _gumbel(uniform: Tensor) -> Tensor:
    return -(-uniform.clamp_min(_TINY).log()).clamp_min(_TINY).log()
