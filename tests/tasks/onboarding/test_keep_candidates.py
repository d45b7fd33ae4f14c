from datetime import UTC, datetime

import pytest
from PIL import Image

from data.errors import DecisionRefused
from data.pictures.images import to_png
from data.records.feedback import Decision
from data.records.onboarding import CandidatesRecord, Run
from data.records.questions import CandidatesQuestion
from data.store.candidates import Candidate, to_parquet
from data.store.files import Store
from tasks.onboarding.decisions import find_decisions, place_of_candidates, record_decision
from tasks.onboarding.keep_candidates import keep_candidates

SCORES = [0.1, 0.3, 0.2, 0.2, 0.1, 0.3]


def candidates_of(run: Run, first_seed: int = 0) -> CandidatesRecord:
    rows = [
        Candidate(
            index=i, content_phrase=f"prompt {i // 3}", prompt=f"prompt {i // 3} in flat style", seed=first_seed + i,
            image=to_png(Image.new("RGB", (16, 16), (i, 0, 0))), text_score=score, style_score=0.5 - 2 * score,
        )
        for i, score in enumerate(SCORES)
    ]  # fmt: skip
    table = Store(run.store).write_blob(f"{run.folder}/round-1/candidates", ".parquet", to_parquet(rows))
    return CandidatesRecord(round_number=1, table=table, count=len(rows))


def question_of(run: Run, candidates: CandidatesRecord) -> CandidatesQuestion:
    return CandidatesQuestion(
        style=run.spec.name, planned_rounds=2, candidates=candidates, shown=(1, 5, 4, 2, 0, 3), store=run.store,
        answers=("approve", "another round", "reject"), references=run.references, sheet=candidates.table,
        chosen_by="drawn", leak=None,
    )  # fmt: skip


def answer(decision: str, reviewer: str, picks: tuple[int, ...], candidates: CandidatesRecord) -> Decision:
    return Decision.model_validate(
        {"decision": decision, "reviewer": reviewer, "decided_at": datetime.now(UTC), "picks": picks, "note": "",
         "candidates_sha256": candidates.table.sha256}
    )  # fmt: skip


def decisions_on(run: Run, candidates: CandidatesRecord) -> list[Decision]:
    return find_decisions.fn(run, place_of_candidates(run, candidates))


def record(run: Run, candidates: CandidatesRecord, given: Decision) -> str:
    return record_decision.fn(run, place_of_candidates(run, candidates), question_of(run, candidates), given)


def test_clip_sum_keeps_the_best_sum_of_each_prompt(run: Run) -> None:
    run = run.model_copy(update={"spec": run.spec.model_copy(update={"feedback": "clip_sum"})})
    assert keep_candidates.fn(run, candidates_of(run), None).kept == (0, 4)  # least Text, but most Style


def test_clip_keeps_the_best_of_each_prompt_by_number_and_writes_no_picture_again(run: Run) -> None:
    candidates = candidates_of(run)
    written = Store(run.store).list()
    feedback = keep_candidates.fn(run, candidates, None)
    assert feedback.kept == (1, 5)
    assert feedback.table == candidates.table
    assert Store(run.store).list() == written


def test_a_decision_is_in_the_store_before_it_is_acted_on_and_a_second_one_changes_nothing(
    human_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    candidates = candidates_of(human_run)
    assert decisions_on(human_run, candidates) == []
    first = answer("another round", "Ada", (4, 2), candidates)
    assert record(human_run, candidates, first) == ""
    assert decisions_on(human_run, candidates) == [first]
    assert record(human_run, candidates, answer("reject", "Bob", (), candidates)) == ""
    assert "got a second one, 'reject' by Bob: 'another round' by Ada" in capsys.readouterr().err
    assert decisions_on(human_run, candidates) == [first]
    feedback = keep_candidates.fn(human_run, candidates, first)
    assert feedback.kept == (2, 4)
    assert feedback.decision == first


def test_an_unusable_answer_is_refused_in_words_and_not_recorded(human_run: Run) -> None:
    candidates = candidates_of(human_run)
    refusal = record(human_run, candidates, answer("approve", "Ada", (6,), candidates))
    assert refusal == "expected picks of the 6 images shown, got [6]; use their numbers"
    assert decisions_on(human_run, candidates) == []


def test_a_decision_on_other_candidates_is_neither_found_nor_used(human_run: Run) -> None:
    candidates = candidates_of(human_run)
    decision = answer("approve", "Ada", (0,), candidates)
    record(human_run, candidates, decision)
    others = candidates_of(human_run, first_seed=100)
    assert decisions_on(human_run, others) == []
    with pytest.raises(DecisionRefused, match="expected a decision on candidates .*, got one on .*; ask a reviewer"):
        keep_candidates.fn(human_run, others, decision)
    assert "they have changed; look at the new ones" in record(human_run, others, decision)
    assert decisions_on(human_run, others) == []
    with pytest.raises(DecisionRefused, match="got none; ask a reviewer"):
        keep_candidates.fn(human_run, others, None)


@pytest.mark.parametrize("picks", [(-1,), (0, 0), (), (6,)])
def test_picks_that_no_reviewer_was_let_make_are_not_acted_on(human_run: Run, picks: tuple[int, ...]) -> None:
    candidates = candidates_of(human_run)
    with pytest.raises(DecisionRefused, match="expected picks of the 6 candidates, each once, got .*; ask a reviewer"):
        keep_candidates.fn(human_run, candidates, answer("approve", "Ada", picks, candidates))
