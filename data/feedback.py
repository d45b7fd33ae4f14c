"""Which candidates the next round is tuned on (StyleDrop, Sec. 3.3).

clip     the best Text score of each prompt
random   any of each prompt: the paper's control
human    a reviewer's picks
"""

import random
from collections.abc import Callable, Sequence
from itertools import groupby

from data.candidates import Candidate
from data.errors import DecisionRefused
from data.records import Decision


def best_of_each_prompt(candidates: Sequence[Candidate], kept_per_prompt: int) -> list[int]:
    """Indices of the candidates with the highest Text score of each prompt; of equals, the first."""
    return _of_each_prompt(
        candidates, lambda of_prompt: sorted(of_prompt, key=lambda c: -c.text_score)[:kept_per_prompt]
    )


def random_of_each_prompt(candidates: Sequence[Candidate], kept_per_prompt: int, *, seed: int) -> list[int]:
    """Indices of candidates drawn from each prompt without looking at scores; the same `seed`, the same draw."""
    chance = random.Random(seed)
    return _of_each_prompt(candidates, lambda of_prompt: chance.sample(of_prompt, kept_per_prompt))


def check_decision(decision: Decision, *, candidates: int, candidates_sha256: str) -> None:
    """Refuse an answer that cannot be acted on.

    Raises:
        DecisionRefused: if picks are missing, out of range or double, or were made from other candidates.
    """
    if decision.candidates_sha256 != candidates_sha256:
        raise DecisionRefused(
            f"expected a decision on candidates {candidates_sha256[:12]}, got one on "
            f"{decision.candidates_sha256[:12]}; look at the new candidates and decide again"
        )
    if not decision.reviewer.strip():
        raise DecisionRefused("expected the reviewer's name, got an empty one; say who decides")
    if decision.decision == "reject":
        return
    if not decision.picks:
        raise DecisionRefused("expected at least one pick with 'approve', got none; pick images, or answer 'reject'")
    outside = [pick for pick in decision.picks if not 0 <= pick < candidates]
    if outside:
        raise DecisionRefused(f"expected picks from 0 to {candidates - 1}, got {outside}; use the numbers on the sheet")
    twice = sorted({pick for pick in decision.picks if decision.picks.count(pick) > 1})
    if twice:
        raise DecisionRefused(f"expected every pick once, got {twice} more than once; remove the copies")


def _of_each_prompt(candidates: Sequence[Candidate], choose: Callable[[list[Candidate]], list[Candidate]]) -> list[int]:
    by_prompt = groupby(candidates, key=lambda candidate: candidate.content_phrase)
    return sorted(candidate.index for _, of_prompt in by_prompt for candidate in choose(list(of_prompt)))
