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
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor

from styledrop.adapters import PerImage
from styledrop.base import Base
from styledrop.config.sampling import Guidance, SamplingConfig
from styledrop.errors import SamplingError
from styledrop.guidance import Conditioned, Content, TokensToLogits, guided
from styledrop.tuned import Tuned

_MAX_SEED = 2**32 - 1  # torch's CPU generator takes seeds modulo 2**32: larger ones would repeat images
_CONFIDENCE_OF_KNOWN_TOKENS = math.inf  # no noise may re-mask what was given or kept
_TINY = 1e-20  # keeps the logarithms finite, as in aMUSEd

Progress = Callable[[int, int], None]
"""Called after each batch with the number of images drawn so far, and of all."""


BATCH_SIZE = 16
"""Images at a time, unless another number is given; guidance runs up to three rows for each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampled:
    """What was drawn, as tokens and as images."""

    tokens: Int[Tensor, "images tokens"]
    """To be tuned on, or enlarged: an image that is encoded again may come back as other tokens."""
    images: list[Image.Image]


@torch.inference_mode()
def sample(
    base: Base,
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    style: Tuned | Sequence[Tuned] | None = None,
    content: Tuned | None = None,
    content_prompts: Sequence[str] = (),
    guidance: Guidance | Sequence[Guidance] | None = None,
    config: SamplingConfig | None = None,
    negative_prompt: str = "",
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Sampled:
    """Draw one image for each prompt and seed.

    Args:
        base: What draws.
        prompts: Content and style phrase of each image.
        seeds: One for each image.
        style: What was tuned to a style, or an adapter or a mixture for each image; None draws with the base alone.
        content: What was tuned to a subject, to draw it in that style (eq. 5 and 6); `Guidance.gamma` weighs them.
        content_prompts: With `content`, the prompt of each image without its style phrase.
        guidance: How far to follow style, content and text; one for all images, or one for each.
        config: Decoding steps and temperatures.
        negative_prompt: What to move away from.
        batch_size: Images at a time.
        progress: Told how many images are drawn.

    Raises:
        SamplingError: nothing to draw, an empty prompt, or seeds, styles or content prompts that do not fit.
    """
    guidance, config = guidance or Guidance(), config or SamplingConfig()
    _check_request(prompts, seeds, batch_size)
    _check_tuned(prompts, style, content, content_prompts)
    if not isinstance(guidance, Guidance) and len(guidance) != len(prompts):
        raise SamplingError(f"expected one guidance, or one for each of {len(prompts)} prompts, got {len(guidance)}")
    texts = _Texts(base, [*prompts, *content_prompts, negative_prompt])
    style_base = style.on(base) if isinstance(style, Tuned) else base
    content_base = content.on(base) if content is not None else base
    negative = texts.conditioned([negative_prompt])

    chunks, drawn = [], []
    for start in range(0, len(prompts), batch_size):
        images = slice(start, start + batch_size)
        chunk = prompts[images]
        plain = texts.conditioned(chunk)
        styled, subject = None, None
        if style is not None:
            of_chunk = style if isinstance(style, Tuned) else PerImage(style[images], device=base.device)
            styled = texts.conditioned(chunk, of_chunk, style_base, like=plain)
        if content is not None:
            bare = texts.conditioned(content_prompts[images])
            subject = Content(
                tuned=texts.conditioned(content_prompts[images], content, content_base, like=bare), plain=bare
            )
        how = guidance if isinstance(guidance, Guidance) else guidance[images]
        logits = guided(plain, negative.repeat(len(chunk)), guidance=how, style=styled, content=subject)
        chunks.append(draw_tokens(logits, base, config, seeds[images]))
        drawn += base.render(chunks[-1])
        if progress is not None:
            progress(start + len(chunk), len(prompts))
    return Sampled(tokens=torch.cat(chunks), images=drawn)


def draw_tokens(
    tokens_to_logits: TokensToLogits, base: Base, config: SamplingConfig, seeds: Sequence[int]
) -> Int[Tensor, "images tokens"]:
    """Draw an image of the base's size from each seed, as tokens."""
    shape = base.generator.config
    masked = torch.full((len(seeds), shape.num_tokens), shape.mask_id, device=base.device)
    return decode(
        tokens_to_logits,
        masked,
        mask_id=shape.mask_id,
        steps=config.steps,
        temperature=config.temperature,
        token_temperature=config.token_temperature,
        noise=NoisePerImage([torch.Generator().manual_seed(seed) for seed in seeds], masked, config.steps),
    )


class _Texts:
    """The features of all prompts, computed once, and what they give to a batch."""

    def __init__(self, base: Base, prompts: Sequence[str]) -> None:
        self._base = base
        self._places = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        self._features = base.text.encode(list(self._places))

    def conditioned(
        self,
        prompts: Sequence[str],
        tuned: Tuned | None = None,
        base: Base | None = None,
        like: Conditioned | None = None,
    ) -> Conditioned:
        """The model with `prompts`; `like` is the un-adapted one, whose condition serves if `tuned` leaves it."""
        base = base or self._base
        adapt = None if tuned is None else tuned.adapt
        if like is not None and tuned is not None and not tuned.changes_condition:
            return Conditioned(generator=base.generator, condition=like.condition, adapt=adapt)
        # Only the chunk's own prompts are conditioned: a condition is some fifty times larger than its text.
        distinct = list(dict.fromkeys(prompts))
        rows = [self._places[prompt] for prompt in distinct]
        hidden = self._features.hidden[rows]
        condition = base.condition(hidden if tuned is None else tuned.extend(hidden), self._features.pooled[rows])
        images = torch.tensor([distinct.index(prompt) for prompt in prompts], device=base.device)
        return Conditioned(generator=base.generator, condition=condition.select(images), adapt=adapt)


@torch.inference_mode()
def decode(
    tokens_to_logits: TokensToLogits,
    masked: Int[Tensor, "batch tokens"],
    *,
    mask_id: int,
    steps: int,
    temperature: float | tuple[float, float],
    token_temperature: float = 1.0,
    noise: "Noise",
) -> Int[Tensor, "batch tokens"]:
    """Fill every `mask_id` in `masked`; tokens that are not masked are never changed.

    Args:
        tokens_to_logits: The model.
        masked: Tokens, those to fill set to `mask_id`.
        mask_id: The id of a masked token.
        steps: Calls of the model.
        temperature: See `SamplingConfig`.
        token_temperature: See `SamplingConfig`.
        noise: All that is random, for as many images and steps.

    Raises:
        SamplingError: if `steps` < 1, or nothing is masked.
    """
    tokens = masked.clone()
    num_unknown = (tokens == mask_id).sum(dim=1, keepdim=True)
    if steps < 1:
        raise SamplingError(f"expected steps >= 1, got {steps}; the paper uses 36")
    if not bool(num_unknown.any()):
        raise SamplingError(f"expected tokens equal to mask_id {mask_id}, got none; there is nothing to draw")
    temperatures, ratios = _schedule(steps, temperature)

    for step in range(steps):
        is_unknown = tokens == mask_id
        probabilities = (tokens_to_logits(tokens).float() / token_temperature).softmax(dim=-1)
        tokens = torch.where(is_unknown, noise.draw(step, probabilities), tokens)
        if step + 1 < steps:
            # MaskGIT: confidence = log p(drawn) + temperature x Gumbel noise; the lowest are masked again.
            drawn = tokens.clamp_max(probabilities.shape[-1] - 1)[..., None]
            confidence = probabilities.gather(-1, drawn)[..., 0].clamp_min(_TINY).log()
            confidence += temperatures[step] * _gumbel(noise.uniform(step))
            confidence = confidence.masked_fill(~is_unknown, _CONFIDENCE_OF_KNOWN_TOKENS)
            count = torch.minimum(is_unknown.sum(dim=1, keepdim=True) - 1, (num_unknown * ratios[step]).long())
            tokens = tokens.masked_fill(_lowest(confidence, count.clamp_min(1)), mask_id)
    return tokens


def _check_request(prompts: Sequence[str], seeds: Sequence[int], batch_size: int) -> None:
    if batch_size < 1:
        raise SamplingError(f"expected batch_size >= 1, got {batch_size}")
    if not prompts:
        raise SamplingError("expected at least one prompt, got none")
    if len(prompts) != len(seeds):
        raise SamplingError(f"expected one seed for each of {len(prompts)} prompts, got {len(seeds)} seeds")
    for place, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        if not prompt.strip():
            raise SamplingError(f"expected a prompt at position {place}, got {prompt!r}; say what to draw")
        if not 0 <= seed <= _MAX_SEED:
            raise SamplingError(f"expected seeds from 0 to {_MAX_SEED}, got {seed} for prompt {prompt!r}")


def _check_tuned(
    prompts: Sequence[str],
    style: Tuned | Sequence[Tuned] | None,
    content: Tuned | None,
    content_prompts: Sequence[str],
) -> None:
    if style is not None and not isinstance(style, Tuned) and len(style) != len(prompts):
        raise SamplingError(f"expected one adapter, or one for each of {len(prompts)} prompts, got {len(style)}")
    if content is not None and style is None:
        raise SamplingError("expected a style with the content, got none; to draw a subject alone, give it as `style`")
    wanted = len(prompts) if content is not None else 0
    if len(content_prompts) != wanted:
        raise SamplingError(
            f"expected {wanted} content_prompts, got {len(content_prompts)}; with a content, give each image's "
            "prompt without its style phrase"
        )
    for place, prompt in enumerate(content_prompts):
        if not prompt.strip():
            raise SamplingError(f"expected a content prompt at position {place}, got {prompt!r}; say what to draw")


def _schedule(steps: int, temperature: float | tuple[float, float]) -> tuple[list[float], Tensor]:
    """Give each step's temperature, and the share of the masked tokens that stays masked after it."""
    done = (torch.arange(steps) + 1) / steps
    ramp = torch.linspace(*temperature, steps) if isinstance(temperature, tuple) else temperature * (1 - done)
    # In float32, as MaskGIT and diffusers compute it: the floor below would tell another precision apart.
    return ramp.tolist(), torch.cos(done * math.pi / 2)


def _lowest(confidence: Float[Tensor, "batch tokens"], count: Int[Tensor, "batch 1"]) -> Bool[Tensor, "batch tokens"]:
    """Mark the `count` lowest of each row."""
    return confidence < confidence.sort(dim=1).values.gather(1, count.clamp_max(confidence.shape[1] - 1))


class Noise(Protocol):
    """All that is random in `decode`; asked for a step's tokens first, then for its uniform numbers."""

    def draw(self, step: int, probabilities: Float[Tensor, "batch tokens codebook"]) -> Int[Tensor, "batch tokens"]:
        """Draw each token from its probabilities."""

    def uniform(self, step: int) -> Float[Tensor, "batch tokens"]:
        """What the confidence's noise is made from, within [0, 1)."""


class NoisePerImage:
    """All of an image's noise is drawn at once from its own generator, before the first step.

    Raises:
        SamplingError: there is not one generator for each image.
    """

    def __init__(self, generators: Sequence[torch.Generator], like: Tensor, steps: int) -> None:
        if len(generators) != len(like):
            raise SamplingError(f"expected one generator for each of {len(like)} images, got {len(generators)}")
        drawn = [torch.rand(steps, 2, like.shape[1], generator=generator) for generator in generators]
        self._uniform = torch.stack(drawn).to(like.device)

    def draw(self, step: int, probabilities: Float[Tensor, "batch tokens codebook"]) -> Int[Tensor, "batch tokens"]:
        """By the inverse of the distribution function, which takes one uniform number a token."""
        # torch.multinomial would need one for each code, and a call for each image.
        summed = probabilities.cumsum(dim=-1)
        drawn = torch.searchsorted(summed, self._uniform[:, step, 0, :, None] * summed[..., -1:], right=True)
        return drawn[..., 0].clamp_max(probabilities.shape[-1] - 1)

    def uniform(self, step: int) -> Float[Tensor, "batch tokens"]:
        """The second of each token's two numbers of the step."""
        return self._uniform[:, step, 1]


def _gumbel(uniform: Tensor) -> Tensor:
    return -(-uniform.clamp_min(_TINY).log()).clamp_min(_TINY).log()
