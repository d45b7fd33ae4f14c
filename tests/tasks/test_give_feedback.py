from typing import Any

import pytest
from PIL import Image

from data.candidates import Candidate, from_parquet, to_parquet
from data.errors import DecisionRefused
from data.images import to_png
from data.records import CandidatesRecord, Run
from data.spec import parse_spec
from data.store import Store
from tasks.give_feedback import find_decision, keep_candidates, record_decision
from tasks.prepare import prepare

SCORES = [0.1, 0.3, 0.2, 0.2, 0.1, 0.3]


def candidates_of(run: Run, first_seed: int = 0) -> CandidatesRecord:
    rows = [
        Candidate(
            index=i, content_phrase=f"prompt {i // 3}", prompt=f"prompt {i // 3} in flat style", seed=first_seed + i,
            image=to_png(Image.new("RGB", (16, 16), (i, 0, 0))), text_score=score, style_score=0.5,
        )
        for i, score in enumerate(SCORES)
    ]  # fmt: skip
    table = Store(run.store).write_blob(f"runs/{run.key}/round-1/candidates", ".parquet", to_parquet(rows))
    return CandidatesRecord(round_number=1, table=table, count=len(rows))


@pytest.fixture
def human_run(spec_document: dict[str, Any]) -> Run:
    return prepare.fn(parse_spec({**spec_document, "feedback": "human"}))


def test_clip_keeps_the_best_of_each_prompt_and_says_so_for_every_candidate(run: Run) -> None:
    feedback = keep_candidates.fn(run, candidates_of(run), None)
    assert feedback.kept == (1, 5)
    rows = from_parquet(Store(run.store).read_blob(feedback.table))
    assert [row.kept for row in rows] == [False, True, False, False, False, True]
    assert [Store(run.store).read_blob(example.image) for example in feedback.examples] == [
        rows[1].image,
        rows[5].image,
    ]
    assert [example.prompt for example in feedback.examples] == ["prompt 0 in flat style", "prompt 1 in flat style"]


def test_a_decision_is_in_the_store_before_it_is_acted_on_and_the_first_one_counts(human_run: Run) -> None:
    candidates = candidates_of(human_run)
    assert find_decision.fn(human_run, candidates) is None
    first = record_decision.fn(human_run, candidates, "approve", "Ada", [4, 2], "").decision
    assert first is not None
    assert find_decision.fn(human_run, candidates) == first
    assert record_decision.fn(human_run, candidates, "reject", "Bob", [], "too late").decision == first
    feedback = keep_candidates.fn(human_run, candidates, first)
    assert feedback.kept == (2, 4)
    assert feedback.decision == first


def test_an_unusable_answer_is_refused_in_words_and_not_recorded(human_run: Run) -> None:
    candidates = candidates_of(human_run)
    answered = record_decision.fn(human_run, candidates, "approve", "Ada", [6], "")
    assert answered.decision is None
    assert answered.refusal == "expected picks from 0 to 5, got [6]; use the numbers on the sheet"
    assert find_decision.fn(human_run, candidates) is None


def test_a_decision_on_other_candidates_is_neither_found_nor_used(human_run: Run) -> None:
    decision = record_decision.fn(human_run, candidates_of(human_run), "approve", "Ada", [0], "").decision
    others = candidates_of(human_run, first_seed=100)
    assert find_decision.fn(human_run, others) is None
    with pytest.raises(DecisionRefused, match="expected a decision on candidates"):
        keep_candidates.fn(human_run, others, decision)
    with pytest.raises(DecisionRefused, match="got none; ask a reviewer"):
        keep_candidates.fn(human_run, others, None)
