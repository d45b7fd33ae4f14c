"""Drawing images for prompts and scoring them: what candidates and evaluation have in common."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

import styledrop
from data.candidates import Candidate
from data.images import to_png
from data.spec import SamplingSettings, StyleSpec
from tasks.progress import Progress

BATCH = 64
"""Images drawn and scored between two looks at the work folder; the library has its own, smaller batches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """An image to be drawn."""

    index: int
    content_phrase: str
    prompt: str
    seed: int


def draw_seed(seed: int, *parts: str | int) -> int:
    """A seed of 0 to 2**32 - 1 that depends on nothing but `seed` and what it is for."""
    words = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4])


def wanted_images(spec: StyleSpec, phrases: Sequence[str], images_per_prompt: int, purpose: str) -> list[Wanted]:
    """`images_per_prompt` images of each phrase in the spec's style, numbered prompt by prompt.

    The seed follows from the spec's seed, the purpose, the phrase and the image's number within the phrase.
    """
    return [
        Wanted(
            index=number * images_per_prompt + i,
            content_phrase=phrase,
            prompt=f"{phrase} {spec.style_phrase}",
            seed=draw_seed(spec.seed, purpose, phrase, i),
        )
        for number, phrase in enumerate(phrases)
        for i in range(images_per_prompt)
    ]


def in_batches(wanted: Sequence[Wanted]) -> list[Sequence[Wanted]]:
    """`wanted` in pieces of at most `BATCH`, in order."""
    return [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]


def draw_and_score(
    base: styledrop.Base,
    batch: Sequence[Wanted],
    *,
    style: styledrop.Adapter | None,
    settings: SamplingSettings,
    scorer: styledrop.ClipScorer,
    references: Sequence[Image.Image],
    progress: Progress,
) -> list[Candidate]:
    """Draw and score one image for each of `batch`; without `style`, what the base itself draws."""
    prompts = [wanted.prompt for wanted in batch]
    images = styledrop.sample(
        base,
        prompts,
        seeds=[wanted.seed for wanted in batch],
        style=style,
        guidance=styledrop.Guidance(lambda_a=settings.lambda_a, lambda_b=settings.lambda_b),
        config=styledrop.SamplingConfig(steps=settings.steps, temperature=settings.temperature),
        negative_prompt=settings.negative_prompt,
        progress=lambda done, _: progress.update(batch[0].index + done),
    )
    scores = scorer.score(images, prompts, references)
    return [
        Candidate(
            index=wanted.index,
            content_phrase=wanted.content_phrase,
            prompt=wanted.prompt,
            seed=wanted.seed,
            image=to_png(images[i]),
            text_score=float(scores.text[i]),
            style_score=float(scores.style[i]),
        )
        for i, wanted in enumerate(batch)
    ]
