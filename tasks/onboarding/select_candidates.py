"""Which candidates are kept, or shown to a reviewer, for the next round (StyleDrop, Sec. 3.3).

clip     the best Text score of each prompt
clip_sum the best sum of Text and Style scores of each prompt; not the paper's
random   any of each prompt: the paper's control
human    a reviewer's picks of some of each prompt, which CLIP had no say in
hybrid   a reviewer's picks of the best Text scores of each prompt
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from data.store.candidates import Candidate

NUM_SHOWN = 64
"""Candidates a reviewer picks from, of however many there are: 8 x 8 fit on a screen and into a form."""


def best_of_each_prompt(
    candidates: Sequence[Candidate], kept_per_prompt: int, *, with_style: bool = False
) -> list[int]:
    """Indices of the candidates with the highest Text score of each prompt; of equals, the first.

    `with_style` adds the Style score to it.
    """

    def lowest_first(candidate: Candidate) -> float:
        return -(candidate.text_score + candidate.style_score if with_style else candidate.text_score)

    return _of_each_prompt(candidates, lambda of_prompt: sorted(of_prompt, key=lowest_first)[:kept_per_prompt])


def random_of_each_prompt(candidates: Sequence[Candidate], kept_per_prompt: int, *, seed: int) -> list[int]:
    """Indices of candidates drawn from each prompt without looking at scores; the same `seed`, the same draw."""
    rng = random.Random(seed)
    return _of_each_prompt(candidates, lambda of_prompt: rng.sample(of_prompt, kept_per_prompt))


def random_to_show(candidates: Sequence[Candidate], *, seed: int) -> tuple[int, ...]:
    """Indices of `NUM_SHOWN` candidates, as many of each prompt as of any other, drawn without looking at scores.

    They come prompt by prompt. The same `seed`, the same draw.
    """
    shuffled = random.Random(seed).sample(candidates, len(candidates))
    return tuple(sorted(candidate.index for candidate in _as_many_of_each_prompt(shuffled)))


def best_to_show(candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """Indices of `NUM_SHOWN` candidates, as many of each prompt as of any other: those with its highest Text scores.

    The best of all come first; of equals, the first.
    """
    best_first = sorted(candidates, key=_best_first)
    return tuple(candidate.index for candidate in sorted(_as_many_of_each_prompt(best_first), key=_best_first))


def _best_first(candidate: Candidate) -> tuple[float, int]:
    return -candidate.text_score, candidate.index


def _as_many_of_each_prompt(ordered: Iterable[Candidate]) -> list[Candidate]:
    """The first `NUM_SHOWN` of `ordered`, but no prompt's second before the first of all others."""
    turns: Counter[str] = Counter()
    in_turn: list[tuple[int, Candidate]] = []
    for candidate in ordered:
        in_turn.append((turns[candidate.content_phrase], candidate))
        turns[candidate.content_phrase] += 1
    return [candidate for _, candidate in sorted(in_turn, key=lambda turn: turn[0])][:NUM_SHOWN]


def _of_each_prompt(candidates: Sequence[Candidate], choose: Callable[[list[Candidate]], list[Candidate]]) -> list[int]:
    by_prompt = groupby(candidates, key=lambda candidate: candidate.content_phrase)
    return sorted(candidate.index for _, of_prompt in by_prompt for candidate in choose(list(of_prompt)))
