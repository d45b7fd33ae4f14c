"""How often each image of a corpus is drawn in pretraining, and which sentences are distilled.

Over 20,000 of the 59,000 images are black line or glyph icons: every stage draws by style first.

All columns are arrays with one entry for each image; `is_trained` is bool.
"""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np


def colourfulness(images: np.ndarray) -> float:
    """Mean difference of the strongest and the weakest channel of uint8 RGB images; 0 for greys, at most 255."""
    pixels = images.astype(np.int16)
    return float((pixels.max(axis=-1) - pixels.min(axis=-1)).mean())


def weights_by_colour(
    images: np.ndarray,
    styles: np.ndarray,
    is_trained: np.ndarray,
    *,
    variant_weight: float,
    colour_weight: float,
    colourful_above: float,
    looked_at: int = 60,
) -> np.ndarray:
    """Sampling weights for the VQGAN: styles alike, colourful ones `colour_weight` times as often.

    A variant (`set+variant`) counts `variant_weight`. A style is colourful if that of its first `looked_at`
    images is above `colourful_above`. Images that are not trained on weigh nothing.
    """
    weights = np.zeros(len(styles))
    for style in np.unique(styles):
        rows = np.nonzero(styles == style)[0]
        is_colourful = colourfulness(images[rows[:looked_at]]) > colourful_above
        weight = (variant_weight if "+" in style else 1.0) * (colour_weight if is_colourful else 1.0)
        weights[rows] = weight / len(rows)
    weights *= is_trained
    return weights


def weights_by_coverage(
    coverage: np.ndarray,
    styles: np.ndarray,
    is_trained: np.ndarray,
    *,
    coverage_weights: Sequence[tuple[int, float]],
    rare_weight: float,
    variant_weight: float,
) -> np.ndarray:
    """Sampling weights for the generator: styles alike, within a style the concepts that many styles show.

    `coverage` is the number of styles that show an image's concept; the first of `coverage_weights` whose
    number it reaches gives the weight within the style, else `rare_weight`. The trained images of a style
    weigh 1 in all, those of a variant `variant_weight`.
    """
    reached = [coverage >= number for number, _ in coverage_weights]
    within = np.select(reached, [weight for _, weight in coverage_weights], default=rare_weight)
    within = within * is_trained
    weights = np.zeros(len(styles))
    for style in np.unique(styles):
        rows = np.nonzero(styles == style)[0]
        total = within[rows].sum()
        if total > 0:
            weights[rows] = within[rows] / total * (variant_weight if "+" in style else 1.0)
    return weights


def sentences_to_distil(
    captions: Iterable[str],
    tags: Iterable[Sequence[str]],
    phrases: Mapping[str, Sequence[str]],
    vocabulary: Collection[str],
    *,
    num_prompts: int,
    seed: int,
) -> list[str]:
    """Every caption, tag and training phrase once, the whole words of `vocabulary`, and prompts; short ones first.

    The words are those of the teacher: they place what the corpus never shows near what it does. The prompts
    are `num_prompts` captions, each "in … style" of any training phrase.
    """
    words = {word for word in vocabulary if word.isalpha() and len(word) > 2}
    contents = sorted(set(captions))
    descriptions = [phrase for some in phrases.values() for phrase in some]
    shown = set(contents) | {tag for some in tags for tag in some} | set(descriptions)
    chance = random.Random(seed)
    prompts = {f"{chance.choice(contents)} in {chance.choice(descriptions)} style" for _ in range(num_prompts)}
    return sorted(words | shown | prompts, key=lambda sentence: (len(sentence.split()), sentence))
