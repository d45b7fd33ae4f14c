"""How often each icon of a corpus is drawn, and which sentences are distilled.

More than half of the 40,000 icons are black lines or glyphs, so every set is drawn alike, whatever its size.

All columns are arrays with one entry for each icon.
"""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np


def weights_by_coverage(
    coverage: np.ndarray,
    styles: np.ndarray,
    is_drawn: np.ndarray,
    *,
    coverage_weights: Sequence[tuple[int, float]],
    rare_weight: float,
) -> np.ndarray:
    """Sampling weights: styles alike, within a style more of the concepts that many styles show.

    `coverage` is the number of styles that show an icon's concept; the first of `coverage_weights` whose number it
    reaches gives the weight within the style, else `rare_weight`. The icons of a style weigh 1 in all; those that are
    not `is_drawn` (bool) weigh nothing.
    """
    reached = [coverage >= number for number, _ in coverage_weights]
    within = np.select(reached, [weight for _, weight in coverage_weights], default=rare_weight)
    within = within * is_drawn
    weights = np.zeros(len(styles))
    for style in np.unique(styles):
        rows = np.nonzero(styles == style)[0]
        total = within[rows].sum()
        if total > 0:
            weights[rows] = within[rows] / total
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
    rng = random.Random(seed)
    prompts = {f"{rng.choice(contents)} in {rng.choice(descriptions)} style" for _ in range(num_prompts)}
    return sorted(words | shown | prompts, key=lambda sentence: (len(sentence.split()), sentence))
