from dataclasses import replace

from data.store.candidates import Candidate
from tasks.onboarding.select_candidates import (
    NUM_SHOWN,
    best_of_each_prompt,
    best_to_show,
    random_of_each_prompt,
    random_to_show,
)


def candidates(*text_scores_of_prompts: list[float]) -> list[Candidate]:
    rows = [(f"prompt {n}", score) for n, scores in enumerate(text_scores_of_prompts) for score in scores]
    return [
        Candidate(index=i, content_phrase=p, prompt=p, seed=i, image=b"", text_score=score, style_score=-score)
        for i, (p, score) in enumerate(rows)
    ]


def test_clip_keeps_the_best_text_score_of_each_prompt_and_of_equals_the_first() -> None:
    assert best_of_each_prompt(candidates([0.1, 0.3, 0.2], [0.5, 0.5, 0.4]), 1) == [1, 3]
    assert best_of_each_prompt(candidates([0.1, 0.3, 0.2], [0.5, 0.5, 0.4]), 2) == [1, 2, 3, 4]


def test_clip_sum_keeps_the_best_sum_of_text_and_style_of_each_prompt() -> None:
    # In these tests an image's Style is less what its Text is, and the sums are all equal.
    pool = candidates([0.1, 0.3, 0.2])
    assert best_of_each_prompt(pool, 2, with_style=True) == [0, 1]
    pool[2] = replace(pool[2], style_score=0.0)
    assert best_of_each_prompt(pool, 1, with_style=True) == [2]


def test_random_keeps_as_many_of_each_prompt_whatever_their_scores() -> None:
    pool = candidates([0.0] * 64, [0.0] * 64)
    kept = random_of_each_prompt(pool, 3, seed=1)
    assert [pool[index].content_phrase for index in kept] == ["prompt 0"] * 3 + ["prompt 1"] * 3
    assert kept == random_of_each_prompt(pool, 3, seed=1)
    assert kept != random_of_each_prompt(pool, 3, seed=2)


def test_a_reviewer_is_shown_as_many_of_each_prompt_whatever_clip_says() -> None:
    good, bad = [0.9] * 50, [0.1] * 50
    shown = random_to_show(candidates(good, bad), seed=1)
    assert len(shown) == NUM_SHOWN == 64
    assert len([number for number in shown if number < 50]) == 32
    assert list(shown) == sorted(shown)
    assert shown == random_to_show(candidates(bad, good), seed=1) != random_to_show(candidates(bad, good), seed=2)
    assert random_to_show(candidates([0.1], [0.2]), seed=1) == (0, 1)


def test_with_more_prompts_than_places_chance_says_which_are_shown() -> None:
    shown = random_to_show(candidates(*[[0.5, 0.5]] * 100), seed=1)
    assert len({number // 2 for number in shown}) == NUM_SHOWN
    assert max(shown) > 2 * NUM_SHOWN


def test_after_clip_a_reviewer_is_shown_the_best_of_each_prompt_best_first() -> None:
    assert best_to_show(candidates([0.1, 0.3, 0.2], [0.5, 0.3])) == (3, 1, 4, 2, 0)
    shown = best_to_show(candidates([0.9] * 50, [n / 100 for n in range(50)]))
    assert shown == (*range(32), *range(99, 67, -1))
    three = best_to_show(candidates(*[[0.1, prompt / 100, 0.2] for prompt in range(50, 80)]))
    # Two of each of 30 prompts, and four more: of the next best of each, the best.
    assert three[:30] == tuple(range(88, 0, -3))
    assert {number % 3 for number in three[30:60]} == {2}
    assert three[60:] == (0, 3, 6, 9)
