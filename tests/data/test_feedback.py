from datetime import UTC, datetime
from typing import Any

import pytest

from data.errors import DecisionRefused
from data.feedback import (
    ANSWERS_TO_LEAK,
    NUM_SHOWN,
    best_of_each_prompt,
    best_to_show,
    check_decision,
    possible_answers,
    random_of_each_prompt,
    random_to_show,
)
from data.records.run import Blob, CandidatesRecord, Decision
from data.store.candidates import Candidate

DIGEST = "a" * 64
CANDIDATES = CandidatesRecord(round_number=1, count=100, table=Blob(uri="file:///t", sha256=DIGEST, size_bytes=1))
SHOWED = (7, 3, 0)


def candidates(*text_scores_of_prompts: list[float]) -> list[Candidate]:
    rows = [(f"prompt {n}", score) for n, scores in enumerate(text_scores_of_prompts) for score in scores]
    return [
        Candidate(index=i, content_phrase=p, prompt=p, seed=i, image=b"", text_score=score, style_score=-score)
        for i, (p, score) in enumerate(rows)
    ]


def decision(**change: Any) -> Decision:
    answer: dict[str, Any] = {
        "decision": "approve", "reviewer": "Ada", "decided_at": datetime.now(UTC), "picks": (0, 3),
        "candidates_sha256": DIGEST, "note": "",
    }  # fmt: skip
    return Decision.model_validate({**answer, **change})


def test_clip_keeps_the_best_text_score_of_each_prompt_and_of_equals_the_first() -> None:
    assert best_of_each_prompt(candidates([0.1, 0.3, 0.2], [0.5, 0.5, 0.4]), 1) == [1, 3]
    assert best_of_each_prompt(candidates([0.1, 0.3, 0.2], [0.5, 0.5, 0.4]), 2) == [1, 2, 3, 4]


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


@pytest.mark.parametrize("answer", ["approve", "another round", "reject"])
def test_usable_answers_are_accepted(answer: str) -> None:
    given = decision(decision=answer, picks=() if answer == "reject" else (7, 0))
    check_decision(given, CANDIDATES, SHOWED, possible_answers(1))


def test_another_round_can_be_asked_for_as_long_as_there_is_one_to_follow() -> None:
    assert [("another round" in possible_answers(round_number)) for round_number in (1, 8, 9)] == [True, True, False]
    ninth = CANDIDATES.model_copy(update={"round_number": 9})
    check_decision(decision(picks=(7,)), ninth, SHOWED, possible_answers(9))
    with pytest.raises(DecisionRefused, match=r"after round 9, got 'another round'; there are at most 10 rounds"):
        check_decision(decision(decision="another round", picks=(7,)), ninth, SHOWED, possible_answers(9))


def test_only_what_is_tuned_already_is_published_as_it_is_and_without_picks() -> None:
    check_decision(decision(decision="publish", picks=()), CANDIDATES, SHOWED, ANSWERS_TO_LEAK)
    for answer, answers in (("publish", possible_answers(1)), ("approve", ANSWERS_TO_LEAK)):
        with pytest.raises(DecisionRefused, match=f"after round 1, got '{answer}'"):
            check_decision(decision(decision=answer), CANDIDATES, SHOWED, answers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picks": ()}, "at least one pick with 'approve', got none"),
        ({"decision": "another round", "picks": ()}, "at least one pick with 'another round', got none"),
        ({"picks": (0, 4, -1)}, r"expected picks of the 3 images shown, got \[4, -1\]"),
        ({"picks": (3, 3)}, r"expected every pick once, got \[3\]"),
        ({"reviewer": " "}, "expected the reviewer's name"),
        ({"candidates_sha256": "b" * 64}, "expected a decision on candidates aaaaaaaaaaaa, got one on bbbbbbbbbbbb"),
    ],
)
def test_answers_that_cannot_be_used_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DecisionRefused, match=message):
        check_decision(decision(**change), CANDIDATES, SHOWED, possible_answers(1))
