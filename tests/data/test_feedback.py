from datetime import UTC, datetime
from typing import Any

import pytest

from data.candidates import Candidate
from data.errors import DecisionRefused
from data.feedback import best_of_each_prompt, check_decision, random_of_each_prompt
from data.records import Decision

DIGEST = "a" * 64


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


def test_usable_answers_are_accepted() -> None:
    check_decision(decision(), candidates=4, candidates_sha256=DIGEST)
    check_decision(decision(decision="reject", picks=()), candidates=4, candidates_sha256=DIGEST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picks": ()}, "at least one pick with 'approve', got none"),
        ({"picks": (0, 4, -1)}, r"expected picks from 0 to 3, got \[4, -1\]"),
        ({"picks": (1, 1)}, r"expected every pick once, got \[1\]"),
        ({"reviewer": " "}, "expected the reviewer's name"),
        ({"candidates_sha256": "b" * 64}, "expected a decision on candidates aaaaaaaaaaaa, got one on bbbbbbbbbbbb"),
    ],
)
def test_answers_that_cannot_be_used_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DecisionRefused, match=message):
        check_decision(decision(**change), candidates=4, candidates_sha256=DIGEST)
