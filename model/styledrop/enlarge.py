"""Images at twice their size, in a style: sampling and tuning with a base's super-resolution.

As Muse's second stage, it fills in the large image's masked tokens, given those of the small one and the prompt
(arXiv 2301.00704, Sec. 2.4); StyleDrop tunes an adapter to it as well (arXiv 2306.00983, Tab. S3): 12 steps,
λ_A 1, λ_B 0. Its adapter belongs to `Base.large`.

Codes of a colour that the corpus hardly has are easily missed (navy lines become black), while the small image is
near to it. So one step of back-projection follows (Irani and Peleg, 1991, "Improving resolution by image
registration"): what the small image shows, and the large one scaled down does not, is put back.

Shapes: images, low (tokens of a small image), tokens.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from styledrop.adapters import Adapter, PerImage
from styledrop.base import Base, to_images
from styledrop.config.sampling import Guidance, SamplingConfig
from styledrop.config.tuning import AdapterTuning
from styledrop.errors import SamplingError
from styledrop.generator import Condition
from styledrop.guidance import Conditioned, guided
from styledrop.sampler import BATCH_SIZE, draw_tokens
from styledrop.super_resolution import SCALE, scaled_latents
from styledrop.tuned import Tuned
from styledrop.tuning import Progress, check_pairs, describe_run, fit, start

GUIDANCE = Guidance(lambda_a=1.0, lambda_b=0.0)
SAMPLING = SamplingConfig(steps=12, temperature=0.0, token_temperature=0.01)
"""12 steps as in Tab. S3, the surest tokens first, and of each the likeliest code: the small image nearly tells
what to draw, and what chance adds is noise."""
_BRIGHTNESS = (0.299, 0.587, 0.114)
"""Of red, green and blue (ITU-R BT.601)."""
_BRIGHTNESS_BACK = 0.5
"""Of the missing brightness, what is put back, beside all of the colour; with more the small image's soft edges come
back too."""


@torch.inference_mode()
def enlarge(
    base: Base,
    low: Int[Tensor, "images low"],
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    style: Tuned | Sequence[Tuned] | None = None,
    guidance: Guidance = GUIDANCE,
    config: SamplingConfig = SAMPLING,
) -> list[Image.Image]:
    """Draw each image of the base again at twice its size.

    Args:
        base: One with super-resolution.
        low: Tokens of the small images, as `sample` and `Base.tokenize` give them.
        prompts: Content and style phrase of each.
        seeds: One for each image.
        style: What `tune_enlarging` made of the style's reference, or one for each image; None draws with the base
            alone.
        guidance: How far to follow style and text; the paper's, unless another is given.
        config: Decoding steps and temperatures.

    Raises:
        BaseError: the base has no super-resolution.
        SamplingError: there is not one prompt and one seed for each image.
    """
    if not len(low) == len(prompts) == len(seeds):
        raise SamplingError(
            f"expected one prompt and one seed for each of {len(low)} images, got {len(prompts)} and {len(seeds)}"
        )
    if style is not None and not isinstance(style, Tuned) and len(style) != len(low):
        raise SamplingError(f"expected one adapter, or one for each of {len(low)} images, got {len(style)}")
    large = base.large
    images: list[Image.Image] = []
    for first in range(0, len(low), BATCH_SIZE):
        part = slice(first, first + BATCH_SIZE)
        tokens_of_small = low[part].to(base.device)
        small = base.vqgan.decode(tokens_of_small)
        latents = scaled_latents(base.vqgan, small)
        condition = _condition(large, tokens_of_small, latents, prompts[part])
        plain = Conditioned(generator=large.generator, condition=condition)
        styled = None
        if style is not None:
            of_part = style if isinstance(style, Tuned) else PerImage(style[part], device=base.device)
            styled = Conditioned(generator=large.generator, condition=condition, adapt=of_part.adapt)
        negative = plain
        if guidance.lambda_b:
            of_nothing = _condition(large, tokens_of_small, latents, [""] * condition.batch_size)
            negative = Conditioned(generator=large.generator, condition=of_nothing)
        logits = guided(plain, negative, guidance=guidance, style=styled)
        tokens = draw_tokens(logits, large, config, seeds[part])
        images += to_images(_back_projected(base.vqgan.decode(tokens), small))
    return images


def tune_enlarging(
    base: Base,
    pairs: Sequence[tuple[Image.Image, str]],
    config: AdapterTuning,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    at_once: int | None = None,
) -> Adapter:
    """Tune an adapter of the super-resolution to images of the large size, each with its whole prompt.

    The small image is the large one, scaled down. Otherwise as `tune`.

    Raises:
        BaseError: the base has no super-resolution, or an image is not of `Base.large`'s size.
        TuningError: there are no pairs, or a prompt is empty.
        CheckpointMismatch: the checkpoint is of a run with other settings, pairs, seed or base.
    """
    check_pairs(pairs)
    large = base.large
    prompts = [prompt for _, prompt in pairs]
    with torch.no_grad():
        tokens = large.tokenize([image for image, _ in pairs])
        size = (base.size_px, base.size_px)
        # BOX, as the corpus was scaled.
        low = base.tokenize([image.resize(size, Image.Resampling.BOX) for image, _ in pairs])
        conditions = _condition(large, low, scaled_latents(base.vqgan, base.vqgan.decode(low)), prompts)
    rng = torch.Generator().manual_seed(seed)
    adapter = start(config, large, rng)
    assert isinstance(adapter, Adapter)
    described = describe_run(config, seed, large, [tokens.tolist(), low.tolist(), prompts])
    fit(
        adapter,
        large.generator,
        tokens,
        lambda rows: conditions.select(rows.to(base.device)),
        config,
        rng,
        described,
        checkpoint=checkpoint,
        progress=progress,
        at_once=at_once,
    )
    return adapter


def _back_projected(
    drawn: Float[Tensor, "batch 3 height width"], small: Float[Tensor, "batch 3 half_height half_width"]
) -> Float[Tensor, "batch 3 height width"]:
    missing = F.interpolate(small - F.avg_pool2d(drawn, SCALE), scale_factor=SCALE, mode="bilinear")
    brightness = (missing * missing.new_tensor(_BRIGHTNESS).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return (drawn + missing - (1 - _BRIGHTNESS_BACK) * brightness).clamp(0.0, 1.0)


def _condition(large: Base, low: Tensor, latents: Tensor, prompts: Sequence[str]) -> Condition:
    assert large.super_resolution is not None
    texts = large.text.encode(list(prompts))
    return large.super_resolution.condition(low, latents, texts.hidden, texts.pooled, large.size_px)
