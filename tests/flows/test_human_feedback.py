"""What a person's answer does, and that there is no decision without one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Running, Suspended

import styledrop
from data.documents.style_spec import parse_spec
from data.errors import DecisionRefused, NotWaiting, StyleRejected
from data.records.feedback import Decision, FeedbackRecord
from data.records.onboarding import CandidatesRecord, PublishedAdapter, Run
from data.records.questions import PhrasesQuestion
from data.store.candidates import read_examples
from data.store.files import Store
from data.store.published_style import read_document, read_phrases
from flows.human_feedback import ReviewAnswer, ask_reviewer
from flows.onboard_style import onboard_style
from published.__main__ import main as published_main
from review.terminal import main as review
from review.waiting import Waiting, answer, find_waiting
from tasks.batches.plan import find_published
from tasks.onboarding.keep_candidates import keep_candidates
from tasks.onboarding.prepare import prepare
from tasks.onboarding.show_candidates import write_question
from tests.reviewer import next_question, person, says
from tests.tasks.onboarding.test_keep_candidates import candidates_of

pytestmark = pytest.mark.usefixtures("prefect_api")


@flow
def asks(run: Run, *pools: CandidatesRecord) -> list[Decision]:
    """Ask about one pool of candidates after the other, all of the same round."""
    return [ask_reviewer(run, candidates) for candidates in pools]


def feedback_of(store: Store, published: PublishedAdapter, round_number: int) -> FeedbackRecord:
    key = f"styles/{published.name}/versions/{published.version}/feedback/round-{round_number}.json"
    return FeedbackRecord.model_validate_json(store.read(key))


def decisions_in(store: str) -> list[Decision]:
    keys = [key for key in Store(store).list("runs") if "/decisions/" in key]
    return [Decision.model_validate_json(Store(store).read(key)) for key in keys]


@pytest.mark.usefixtures("learnt")
def test_approval_tunes_the_next_round_on_the_picks_publishes_it_and_is_never_asked_for_again(
    human_document: dict[str, Any],
) -> None:
    spec = parse_spec(human_document)
    finished = person(says("approve", 4, 1, note="the roundest"))
    published = onboard_style(spec)
    finished()

    store = Store(spec.store)
    feedback = feedback_of(store, published, 1)
    assert feedback.kept == (1, 4)
    assert decisions_in(spec.store) == [feedback.decision]
    assert feedback.decision is not None
    given = feedback.decision
    assert (given.decision, given.reviewer, given.picks, given.note) == ("approve", "Ada", (4, 1), "the roundest")
    version = Store(published.uri)
    prompts, _ = read_examples(version.read(feedback.table.uri), feedback.kept)
    assert json.loads(version.read("card.json"))["prompts"] == prompts == ["a cat in flat style", "a dog in flat style"]

    assert onboard_style(spec) == published  # nobody is there to answer


@pytest.mark.usefixtures("learnt")
def test_another_round_is_tuned_on_the_picks_and_asked_about(human_document: dict[str, Any]) -> None:
    spec = parse_spec(human_document)
    asked: list[Waiting] = []

    def another(waiting: Waiting) -> None:
        asked.append(waiting)
        says("another round", 0)(waiting)

    def approve(waiting: Waiting) -> None:
        asked.append(waiting)
        says("approve", 2, 3)(waiting)

    finished = person(another, approve)
    published = onboard_style(spec)
    assert published_main(["verify", published.uri]) == 0
    finished()
    store = Store(spec.store)
    assert [waiting.question.candidates.round_number for waiting in asked] == [1, 2]
    assert [feedback_of(store, published, number).kept for number in (1, 2)] == [(0,), (2, 3)]
    assert len(decisions_in(spec.store)) == 2


def test_a_reviewer_sees_what_clip_ranks_with_hybrid_feedback_and_what_was_drawn_without_it(
    human_document: dict[str, Any],
) -> None:
    seen: list[Waiting] = []

    def look(waiting: Waiting) -> None:
        seen.append(waiting)
        says("approve", 5, 2)(waiting)

    for feedback in ("human", "hybrid"):
        run = prepare.fn(parse_spec({**human_document, "feedback": feedback}))
        candidates = candidates_of(run)
        finished = person(look)
        [decision] = asks(run, candidates)
        finished()
        given = keep_candidates.fn(run, candidates, decision)
        assert (given.source, given.kept) == (feedback, (2, 5))
    assert [waiting.question.shown for waiting in seen] == [(0, 1, 2, 3, 4, 5), (1, 5, 2, 3, 0, 4)]
    assert [waiting.question.chosen_by for waiting in seen] == [
        "some of each prompt, whatever their scores", "the best CLIP scores of each prompt, the best first",
    ]  # fmt: skip


@pytest.mark.usefixtures("learnt")
def test_a_run_whose_phrases_are_proposed_waits_before_round_1_and_is_tuned_on_what_a_person_says(
    spec_document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    [reference] = spec_document["references"]
    document = {**spec_document, "rounds": 1}
    spec = parse_spec({**document, "references": [{"uri": reference["uri"]}]})
    store = Store(spec.store)

    def answer_wrongly(waiting: Waiting) -> None:
        assert not [key for key in store.list("runs") if "/round-1/" in key]  # nothing is tuned
        with pytest.raises(DecisionRefused, match="content phrase: expected a phrase, got an empty one"):
            says("confirm", phrases=("", "in flat style"))(waiting)
        assert review(["confirm", str(waiting.run_id), "--reviewer", "Ada", "--correct", "3", "x"]) == 1
        assert "expected the number of a phrase, 1 to 2, got '3'" in capsys.readouterr().err
        says("confirm", phrases=("A FISH", "in flat style"))(waiting)  # what is evaluated, which the run alone knows

    def correct(waiting: Waiting) -> None:
        assert "got ['a fish']" in waiting.question.refusal
        assert review(["show", str(waiting.run_id)]) == 0
        shown = capsys.readouterr().out
        assert "again       the spec cannot be used: evaluation_prompts: expected none" in shown
        assert isinstance(waiting.question, PhrasesQuestion)
        content, style = waiting.question.proposed
        assert f"     2  {style}  (style phrase)" in shown and content in write_question.fn(waiting.question)
        command = ["confirm", str(waiting.run_id), "--reviewer", "Ada", "--correct", "1", "a blue  disc"]
        assert review(command) == 0
        proposed.extend((content, style))

    proposed: list[str] = []
    finished = person(answer_wrongly, correct)
    published = onboard_style(spec)
    finished()
    content, style = proposed
    version = Store(published.uri)
    card = json.loads(version.read("card.json"))
    assert card["prompts"] == [f"a blue disc {style}"]
    origins = [f"proposed and corrected by Ada (proposed: {content})", "proposed and confirmed by Ada"]
    [of_reference] = read_document(published.uri).references
    assert [of_reference.content_phrase_from, of_reference.style_phrase_from] == origins
    assert [card["references"][0][f"{name}_phrase_from"] for name in ("content", "style")] == origins
    assert (
        f"content phrase *a blue disc* {origins[0]}; style phrase *{style}* {origins[1]}."
        in version.read("README.md").decode()
    )
    said = read_phrases(published.uri)
    assert [one.said for one in said] == ["a blue disc", style]
    assert published_main(["verify", published.uri]) == 0

    sha256 = (of_reference.source_sha256,)
    assert onboard_style(spec) == published == find_published(spec, sha256)  # nobody is there to answer
    written = parse_spec(
        {**document, "references": [{**reference, "content_phrase": "a blue disc", "style_phrase": style}]}
    )
    assert find_published(written, sha256) == published
    assert (
        prepare.fn(written.model_copy(update={"rebuilds": published.uri})).said_phrases == said
    )  # made anew, they are kept
    with patch.object(styledrop, "tune", side_effect=AssertionError("tuned again")):
        copied = onboard_style(written)
    assert read_document(copied.uri).references[0].content_phrase_from == "given"


def test_a_suspended_run_waits_for_as_long_as_nobody_answers(human_run: Run) -> None:
    candidates = candidates_of(human_run)
    given = ReviewAnswer(decision="approve", picks=[1], reviewer="Ada", candidates=candidates.table.sha256)
    with (
        patch("flows.human_feedback.runtime.deployment", Mock(id="a deployment")),
        patch("flows.human_feedback.suspend_flow_run", return_value=given) as suspend,
    ):
        asks(human_run, candidates)
    assert suspend.call_args.kwargs["timeout"] is None
    assert Suspended(timeout_seconds=None).state_details.pause_timeout is None


def test_rejected_candidates_publish_nothing_however_often_it_is_run(human_document: dict[str, Any]) -> None:
    spec = parse_spec(human_document)
    finished = person(says("reject", note="not our style"))
    for _ in range(2):
        with pytest.raises(StyleRejected, match=r"Ada rejected .*round 1 of 'disc' .*\(not our style\)"):
            onboard_style(spec)
    finished()
    assert Store(spec.store).list("styles") == []


def test_answers_that_cannot_be_used_are_refused_before_they_reach_the_run(
    human_run: Run, prefect_client: SyncPrefectClient
) -> None:
    candidates = candidates_of(human_run)
    whole = {"decision": "approve", "picks": ["1"], "reviewer": "Ada", "candidates": candidates.table.sha256}
    wrong: list[dict[str, Any] | None] = [
        None,
        {},
        {name: value for name, value in whole.items() if name != "decision"},
        {name: value for name, value in whole.items() if name != "candidates"},
        {**whole, "decision": "yes"},
        {**whole, "picks": []},
        {name: value for name, value in whole.items() if name != "picks"},
        {**whole, "picks": ["1", "1"]},
        {**whole, "picks": ["99"]},
        {**whole, "reviewer": " "},
        {**whole, "candidates": "b" * 64},
    ]

    def answer_wrongly_first(waiting: Waiting) -> None:
        for form in wrong:
            result = prefect_client.resume_flow_run(waiting.run_id, run_input=form)
            assert result.status == SetStateStatus.REJECT, form
        for picks, candidates_sha256, message in (
            ((), whole["candidates"], "at least one pick with 'approve', got none"),
            ((99,), whole["candidates"], r"expected picks of the 6 images shown, got \[99\]"),
            ((1,), "b" * 64, "got one on bbbbbbbbbbbb: they have changed"),
        ):
            with pytest.raises(DecisionRefused, match=message):
                answer(waiting, "approve", picks=picks, reviewer="Ada", note="",
                       candidates_sha256=candidates_sha256)  # fmt: skip
        assert find_waiting(waiting.run_id).since == waiting.since
        assert decisions_in(human_run.store) == []
        says("approve", 1)(waiting)
        with pytest.raises(NotWaiting, match="it was answered already: 'approve' by Ada"):
            says("reject", reviewer="Bob")(waiting)

    finished = person(answer_wrongly_first)
    [decision] = asks(human_run, candidates)
    finished()
    assert [decision] == decisions_in(human_run.store)
    assert decision.picks == (1,)


def test_a_run_that_is_forced_to_go_on_asks_again(human_run: Run, prefect_client: SyncPrefectClient) -> None:
    def force(waiting: Waiting) -> None:
        prefect_client.set_flow_run_state(waiting.run_id, Running(), force=True)

    def answer_at_last(waiting: Waiting) -> None:
        assert decisions_in(human_run.store) == []
        says("approve", 2)(waiting)

    finished = person(force, answer_at_last)
    [decision] = asks(human_run, candidates_of(human_run))
    finished()
    assert decision.picks == (2,)


def test_an_answer_to_candidates_that_have_changed_is_refused_in_words_and_asked_again(
    human_run: Run, prefect_client: SyncPrefectClient
) -> None:
    before, after = candidates_of(human_run), candidates_of(human_run, first_seed=100)

    def answer_again(waiting: Waiting) -> None:
        assert waiting.question.candidates == after
        form = prefect_client.read_flow_run_input(waiting.run_id, "paused-round-1-question-2-schema")
        assert f"got one on {before.table.sha256[:12]}: they have changed; look at the new ones" in form
        says("approve", 5)(waiting)

    finished = person(says("approve", 0), answer_again)
    # As when a resumed run finds its candidates gone and draws others: the first answer is still there.
    first, second = asks(human_run, before, after)
    finished()
    assert (first.picks, second.picks) == ((0,), (5,))
    assert second.candidates_sha256 == after.table.sha256


def test_two_who_agree_are_asked_in_turn_and_tuned_on_what_both_picked(human_document: dict[str, Any]) -> None:
    run = prepare.fn(parse_spec({**human_document, "reviewers": 2}))
    candidates, seen = candidates_of(run), list[Waiting]()

    def second(waiting: Waiting) -> None:
        seen.append(waiting)
        with pytest.raises(DecisionRefused, match="another reviewer than Ada, got 'ada'"):
            says("approve", 2, reviewer="ada")(waiting)
        says("approve", 5, 1, 2, reviewer="Ben")(waiting)

    finished = person(says("approve", 1, 2, 3), second)
    [decision] = asks(run, candidates)
    finished()
    assert "Ada has answered" in seen[0].question.turn
    assert (decision.decision, decision.reviewer, decision.picks) == ("approve", "Ada and Ben", (1, 2))
    assert sorted(one.reviewer for one in decisions_in(run.store)) == ["Ada", "Ben"]
    assert keep_candidates.fn(run, candidates, decision).kept == (1, 2)
    assert asks(run, candidates) == [decision]  # nobody is there to answer


@pytest.mark.e2e
@pytest.mark.usefixtures("learnt")
def test_a_run_that_is_killed_while_it_waits_leaves_no_decision_and_the_next_one_asks(
    human_document: dict[str, Any], prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    spec = parse_spec(human_document)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    seen: list[Waiting] = []
    with open(tmp_path / "killed.log", "wb") as log:
        killed = subprocess.Popen(
            [sys.executable, "-m", "flows.onboard_style", "--spec", str(tmp_path / "spec.json")],
            env={**prefect_environment, "STYLEDROP_WORK": os.environ["STYLEDROP_WORK"]}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        next_question(seen)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert decisions_in(spec.store) == []

    finished = person(says("approve", 3))
    published = onboard_style(spec)
    finished()
    assert feedback_of(Store(spec.store), published, 1).kept == (3,)
