"""Doubts about the last round: nothing is published in spite of them without a person's word."""

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from prefect import flow

from data.documents.style_spec import parse_spec
from data.errors import DecisionRefused, StyleRejected
from data.records.feedback import Decision
from data.records.onboarding import Run
from data.records.scores import EvaluationRecord, Leak, RoundScores, Verdict
from data.records.version import Score
from data.store.files import Store
from data.store.published_style import read_document
from flows.human_feedback import ask_for_waiver
from flows.onboard_style import onboard_style
from published.__main__ import main as published_main
from review.terminal import main as review
from review.waiting import Waiting
from tasks.onboarding.show_candidates import write_question
from tests.flows.test_human_feedback import feedback_of
from tests.reviewer import person, says
from tests.tasks.onboarding.test_keep_candidates import candidates_of

pytestmark = pytest.mark.usefixtures("prefect_api")

LESS_LEAK, MORE_LEAK = (Leak(score=Score(mean=mean, standard_error=0.01), threshold=0.1) for mean in (0.11, 0.5))
LESS_LEARNT, NOT_LEARNT = (Verdict.of([0.0, 0.0], [gain, 0.0]) for gain in (-0.2, -0.1))


@pytest.fixture
def all_leaks() -> Iterator[None]:
    """Every style is above the threshold."""
    with patch("tasks.scoring.THRESHOLD", -2.0):
        yield


def test_what_is_not_learnt_waits_for_a_word_and_the_reviewer_sees_why(
    spec_document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def look(waiting: Waiting) -> None:
        assert review(["show", str(waiting.run_id)]) == 0
        assert "verdict     not learnt: Style " in capsys.readouterr().out
        assert "Not learnt: Style " in write_question.fn(waiting.question)
        says("publish", note="a beginning")(waiting)

    finished = person(look)
    published = onboard_style(parse_spec({**spec_document, "rounds": 1}))
    finished()
    card = json.loads(Store(spec_document["store"]).read(f"styles/disc/versions/{published.version}/card.json"))
    assert (card["verdict"]["is_learnt"], card["verdict"]["published_by"]) == (False, "Ada")
    *_, pictures, verdict = capsys.readouterr().err.splitlines()
    assert pictures == f"pictures: {published.uri}/contact_sheet.png, and its page {published.uri}/README.md"
    assert verdict.startswith("disc: not learnt: Style ")


def test_what_is_learnt_waits_for_nobody(learnt_document: dict[str, Any]) -> None:
    published = onboard_style(parse_spec(learnt_document))
    assert read_document(published.uri).verdict == "learnt"
    assert not Store(published.uri).exists("word.json")


@pytest.mark.usefixtures("all_leaks")
def test_what_leaks_without_a_reviewer_waits_for_one_and_goes_on_with_a_word(spec_document: dict[str, Any]) -> None:
    spec = parse_spec({**spec_document, "rounds": 1})
    asked: list[Waiting] = []

    def look(waiting: Waiting) -> None:
        assert Store(spec.store).list("styles") == []
        with pytest.raises(DecisionRefused, match=r"expected one of \['publish', 'reject'\] to these candidates"):
            says("approve", 0)(waiting)
        asked.append(waiting)
        says("publish", note="a sun is wanted")(waiting)

    finished = person(look)
    published = onboard_style(spec)
    assert published_main(["verify", published.uri]) == 0
    finished()
    [question] = [waiting.question for waiting in asked]
    assert question.answers == ("publish", "reject")
    assert question.leak is not None
    card = json.loads(Store(spec.store).read(f"styles/disc/versions/{published.version}/card.json"))
    assert card["leak"] == {**question.leak.score.model_dump(), "threshold": -2.0, "published_by": "Ada"}
    assert onboard_style(spec) == published  # nobody is there to answer


@pytest.mark.usefixtures("all_leaks")
def test_what_leaks_is_never_published_after_a_no(spec_document: dict[str, Any]) -> None:
    spec = parse_spec({**spec_document, "rounds": 1})
    finished = person(says("reject", note="a sun in everything"))
    for _ in range(2):
        with pytest.raises(StyleRejected, match=r"\(a sun in everything\): nothing is published"):
            onboard_style(spec)
    finished()
    assert Store(spec.store).list("styles") == []


@pytest.mark.usefixtures("all_leaks")
def test_who_approves_candidates_that_leak_is_asked_again_about_what_is_published(
    human_document: dict[str, Any],
) -> None:
    asked: list[Waiting] = []

    def look(waiting: Waiting) -> None:
        asked.append(waiting)
        says("publish")(waiting)

    finished = person(says("approve", 1), look)
    published = onboard_style(parse_spec(human_document))
    assert published_main(["verify", published.uri]) == 0
    finished()
    store = Store(human_document["store"])
    given = feedback_of(store, published, 1).decision
    assert given is not None and given.leak is not None and given.leak.is_high
    word = store.read_record(f"styles/disc/versions/{published.version}/word.json", Decision)
    [question] = [waiting.question for waiting in asked]
    assert (word.candidates_sha256, word.digest) == (question.candidates.table.sha256, question.digest)


@flow
def asks_to_publish(run: Run, *evaluations: EvaluationRecord) -> list[Decision | None]:
    return [ask_for_waiver(run, evaluation) for evaluation in evaluations]


@pytest.mark.parametrize(
    ("seen", "other"),
    [
        ((LESS_LEAK, None), (MORE_LEAK, None)),
        ((None, NOT_LEARNT), (None, LESS_LEARNT)),
        ((LESS_LEAK, None), (LESS_LEAK, NOT_LEARNT)),
    ],
)
def test_a_word_on_doubts_counts_for_those_findings_alone(
    run: Run, seen: tuple[Leak | None, Verdict | None], other: tuple[Leak | None, Verdict | None]
) -> None:
    samples = candidates_of(run)
    score = RoundScores(
        round_number=2, text=Score(mean=0.2, standard_error=0), style=Score(mean=0.2, standard_error=0),
        samples=samples.table,
    )  # fmt: skip
    before, after = (
        EvaluationRecord(rounds=(score,), leaks=(leak,), verdict=verdict, contact_sheet=samples.table)
        for leak, verdict in (seen, other)
    )
    finished = person(says("publish"), says("publish", reviewer="Bob"))
    words = asks_to_publish(run, before, after, before)
    finished()
    assert [(word.reviewer, (word.leak, word.verdict)) for word in words if word] == [
        ("Ada", seen), ("Bob", other), ("Ada", seen),
    ]  # fmt: skip
