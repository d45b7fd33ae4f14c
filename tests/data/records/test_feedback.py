from datetime import UTC, datetime
from typing import Any

import pytest

from data.errors import DecisionRefused
from data.records.feedback import ANSWERS_TO_DOUBTS, Answer, Decision, FeedbackRecord, possible_answers, settle
from data.records.onboarding import CandidatesRecord, Example
from data.records.questions import CandidatesQuestion, PhrasesQuestion
from data.records.record import Blob

DIGEST = "a" * 64
CANDIDATES = CandidatesRecord(round_number=1, count=100, table=Blob(uri="file:///t", sha256=DIGEST, size_bytes=1))
IMAGE = Example(image=CANDIDATES.table, prompt="")


def decision(**change: Any) -> Decision:
    answer: dict[str, Any] = {
        "decision": "approve", "reviewer": "Ada", "decided_at": datetime.now(UTC), "picks": (0, 3),
        "candidates_sha256": DIGEST, "note": "",
    }  # fmt: skip
    return Decision.model_validate({**answer, **change})


def ask(answers: tuple[Answer, ...] = possible_answers(1), answered_by: tuple[str, ...] = ()) -> CandidatesQuestion:
    return CandidatesQuestion(
        style="disc", answers=answers, store="memory://s", references=(IMAGE,), answered_by=answered_by,
        planned_rounds=2, candidates=CANDIDATES, shown=(7, 3, 0), chosen_by="drawn", sheet=CANDIDATES.table,
    )  # fmt: skip


def test_feedback_with_fields_of_another_release_is_read() -> None:
    blob = {"uri": "feedback/round-1.parquet", "sha256": DIGEST, "size_bytes": 1}
    example = {"image": {**blob, "uri": "feedback/round-1/0.png"}, "prompt": "a cat in ink"}
    written = {"round_number": 1, "source": "clip", "kept": [2], "table": blob, "examples": [example], "decision": None}
    feedback = FeedbackRecord.model_validate(written)
    assert (feedback.kept, feedback.examples.rows, feedback.examples.table.uri) == ((2,), (2,), blob["uri"])


@pytest.mark.parametrize("answer", ["approve", "another round", "reject"])
def test_usable_answers_are_accepted(answer: str) -> None:
    given = decision(decision=answer, picks=() if answer == "reject" else (7, 0), note="two\nlines,\tand ☀\ufe0f")
    ask().check(given)


def test_another_round_can_be_asked_for_as_long_as_there_is_one_to_follow() -> None:
    assert [("another round" in possible_answers(round_number)) for round_number in (1, 8, 9)] == [True, True, False]
    ask(possible_answers(9)).check(decision(picks=(7,)))
    with pytest.raises(DecisionRefused, match=r"one of \['approve', 'reject'\] to .* candidates, got 'another round'"):
        ask(possible_answers(9)).check(decision(decision="another round", picks=(7,)))


def test_only_what_is_tuned_already_is_published_as_it_is_and_without_picks() -> None:
    ask(ANSWERS_TO_DOUBTS).check(decision(decision="publish", picks=()))
    for answer, answers in (("publish", possible_answers(1)), ("approve", ANSWERS_TO_DOUBTS)):
        with pytest.raises(DecisionRefused, match=f"to these candidates, got '{answer}'"):
            ask(answers).check(decision(decision=answer))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picks": ()}, "at least one pick with 'approve', got none"),
        ({"decision": "another round", "picks": ()}, "at least one pick with 'another round', got none"),
        ({"picks": (0, 4, -1)}, r"expected picks of the 3 images shown, got \[4, -1\]"),
        ({"picks": (3, 3)}, r"expected every pick once, got \[3\]"),
        ({"reviewer": " "}, "expected the reviewer's name"),
        ({"reviewer": "Ada\0"}, r"in the reviewer's name, got \['\\x00'\]"),
        ({"note": "the sun\u200b leaks"}, r"in the reviewer's note, got \['\\u200b'\]"),
        ({"decision": "reject", "picks": (), "note": "a\x1b[31m"}, r"in the reviewer's note, got \['\\x1b'\]"),
        ({"candidates_sha256": "b" * 64}, "expected a decision on candidates aaaaaaaaaaaa, got one on bbbbbbbbbbbb"),
    ],
)
def test_answers_that_cannot_be_used_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DecisionRefused, match=message):
        ask().check(decision(**change))


ADA = decision(reviewer="Ada", picks=(3, 0), note="the roundest")


@pytest.mark.parametrize(
    ("answer", "picks", "settled"),
    [
        ("approve", (0, 7, 3), ("approve", (3, 0))),
        ("another round", (7, 0), ("another round", (0,))),
        ("approve", (7,), None),
        ("another round", (7,), None),
        ("reject", (), None),
    ],
)
def test_two_agree_on_what_both_say_and_picked(
    answer: str, picks: tuple[int, ...], settled: tuple[str, tuple[int, ...]] | None
) -> None:
    ben = decision(decision=answer, reviewer="Ben", picks=picks)
    found = settle([ADA, ben], 2)
    assert (found and (found.decision, found.picks)) == settled
    if found is not None:
        assert (found.reviewer, found.note) == ("Ada and Ben", "Ada: approve, picks 0, 3 (the roundest)")
        assert found.rests_on == (ADA, ben)


def test_a_third_persons_decision_counts_and_keeps_the_others() -> None:
    ben, cleo = (decision(decision="reject", reviewer=name, picks=()) for name in ("Ben", "Cleo"))
    assert (settle([], 2), settle([ADA], 2), settle([ADA, ben], 2)) == (None, None, None)
    found = settle([ADA, ben, cleo], 2)
    assert found is not None
    assert (found.decision, found.reviewer, found.rests_on) == ("reject", "Cleo", (ADA, ben, cleo))
    agreed = settle([ben, cleo], 2)
    assert agreed is not None
    assert agreed.decision == "reject"
    assert settle([ADA], 1) == ADA


def test_nobody_agrees_with_themselves() -> None:
    with pytest.raises(DecisionRefused, match="another reviewer than Ada and Ben, got ' ada': two have to agree"):
        ask(answered_by=("Ada", "Ben")).check(decision(reviewer=" ada"))


QUESTION = PhrasesQuestion(
    style="disc", store="memory://s", references=(IMAGE, IMAGE), left_out=(2, 0), proposed=("a disc", "in ink style")
)


def on_phrases(*phrases: str, **change: Any) -> Decision:
    about = {"decision": "confirm", "picks": (), "candidates_sha256": QUESTION.seen_sha256, "phrases": phrases}
    return decision(**{**about, **change})


def test_phrases_are_confirmed_corrected_or_rejected() -> None:
    assert [label for label, _ in QUESTION.phrases] == ["content phrase of reference 2", "style phrase"]
    for given in (on_phrases("a disc", "in ink style"), on_phrases("a moon", "in oil"), on_phrases(decision="reject")):
        QUESTION.check(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (on_phrases("a disc"), "expected 2 phrases, one for each that is proposed, got 1"),
        (on_phrases("a disc", " "), "style phrase: expected a phrase, got an empty one"),
        (on_phrases("...", "in ink"), r"content phrase of reference 2: expected a phrase, got '\.\.\.' alone"),
        (on_phrases("a\u200bdisc", "in ink"), r"content phrase of reference 2: .* got U\+200B"),
        (on_phrases("a disc", "in ink", reviewer=" "), "expected the reviewer's name"),
        (
            on_phrases("a disc", "in ink", decision="approve"),
            r"one of \['confirm', 'reject'\] to .* got 'approve'",
        ),
        (on_phrases("a disc", "in ink", candidates_sha256=DIGEST), "got one on aaaaaaaaaaaa: they have changed"),
    ],
)
def test_phrases_that_a_spec_would_refuse_are_refused(given: Decision, message: str) -> None:
    with pytest.raises(DecisionRefused, match=message):
        QUESTION.check(given)


def test_two_agree_on_phrases_if_they_say_the_same() -> None:
    ada, ben, cleo = (on_phrases("a disc", style, reviewer=style) for style in ("in ink", "in ink", "in oil"))
    assert (agreed := settle([ada, ben], 2)) and (agreed.decision, agreed.phrases) == ("confirm", ("a disc", "in ink"))
    assert settle([ada, cleo], 2) is None
