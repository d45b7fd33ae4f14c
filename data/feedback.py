"""Which candidates the next round is tuned on (StyleDrop, Sec. 3.3).

clip     the best Text score of each prompt
random   any of each prompt: the paper's control
human    a reviewer's picks of some of each prompt, which CLIP had no say in
hybrid   a reviewer's picks of the best Text scores of each prompt
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby

from data.documents.spec import MAX_ROUNDS
from data.errors import DecisionRefused
from data.records.run import NEEDS_PICKS, Answer, CandidatesRecord, Decision
from data.store.candidates import Candidate

NUM_SHOWN = 64
"""Candidates a reviewer picks from, of however many there are: 8 x 8 fit on a screen and into a form."""


ANSWERS_TO_LEAK: tuple[Answer, ...] = ("publish", "reject")
"""What can be said of the last round if the reference's content shows in it."""


def best_of_each_prompt(candidates: Sequence[Candidate], kept_per_prompt: int) -> list[int]:
    """Indices of the candidates with the highest Text score of each prompt; of equals, the first."""
    return _of_each_prompt(
        candidates, lambda of_prompt: sorted(of_prompt, key=lambda c: -c.text_score)[:kept_per_prompt]
    )


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


def possible_answers(round_number: int) -> tuple[Answer, ...]:
    """What can be said of the candidates of round `round_number`: another round only if one more may follow it."""
    return ("approve", "another round", "reject") if round_number + 2 <= MAX_ROUNDS else ("approve", "reject")


def check_decision(
    decision: Decision, candidates: CandidatesRecord, shown: Collection[int], answers: Collection[Answer]
) -> None:
    """Refuse an answer that cannot be acted on.

    Raises:
        DecisionRefused: if picks are missing, not among those `shown` or double, or if the decision was made
            on other candidates, by nobody, or is not among the `answers` to choose from.
    """
    if decision.candidates_sha256 != candidates.table.sha256:
        raise DecisionRefused(
            f"expected a decision on candidates {candidates.table.sha256[:12]}, got one on "
            f"{decision.candidates_sha256[:12]}: they have changed; look at the new ones and decide again"
        )
    if decision.decision not in answers:
        raise DecisionRefused(
            f"expected one of {list(answers)} after round {candidates.round_number}, got {decision.decision!r}; there "
            f"are at most {MAX_ROUNDS} rounds, and only what is tuned already can be published as it is"
        )
    if not decision.reviewer.strip():
        raise DecisionRefused("expected the reviewer's name, got an empty one; say who decides")
    if decision.decision not in NEEDS_PICKS:
        return
    if not decision.picks:
        raise DecisionRefused(
            f"expected at least one pick with {decision.decision!r}, got none; pick images, or answer 'reject'"
        )
    outside = [pick for pick in decision.picks if pick not in shown]
    if outside:
        raise DecisionRefused(f"expected picks of the {len(shown)} images shown, got {outside}; use their numbers")
    twice = sorted({pick for pick in decision.picks if decision.picks.count(pick) > 1})
    if twice:
        raise DecisionRefused(f"expected every pick once, got {twice} more than once; remove the copies")


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
