"""Tokenizing, tuning, candidates, evaluation and publishing, as plain functions."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

import styledrop
from data.documents import defaults
from data.documents.style_spec import parse_spec
from data.errors import DecisionRefused, NotInStore
from data.pictures.images import from_png, to_png
from data.records.feedback import Decision
from data.records.onboarding import AdapterRecord, Example, Run, TuningExamples
from data.records.scores import EvaluationRecord, GuidanceRecord, Leak, Verdict
from data.records.version import Score
from data.store.candidates import Candidate, from_parquet
from data.store.files import Store
from data.store.published_style import read_document
from data.store.verification import verify_version
from tasks import sampling
from tasks.models import open_adapter, open_base
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.keep_candidates import keep_candidates
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.sample_candidates import sample_candidates
from tasks.onboarding.show_candidates import findings_of_candidates
from tasks.onboarding.tune import tokenize, tune
from tasks.reporting import Progress
from tasks.resuming import remove_work_folder
from tasks.sampling import draw_seed, enlarge_samples
from tests.published_adapter import load_published

LOW = Leak(score=Score(mean=0.1, standard_error=0.01), threshold=0.2)
HIGH = Leak(score=Score(mean=0.3, standard_error=0.01), threshold=0.2)
GUIDANCE = GuidanceRecord(lambda_a=1.5, tried=())


METHODS: list[dict[str, Any]] = [
    {"method": "lora", "rank": 2},
    {"method": "soft_prompt", "num_vectors": 3},
    {"method": "whole"},
]


@pytest.fixture
def adapter(run: Run) -> AdapterRecord:
    return tune.fn(run, 1, tokenize.fn(run))


def pairs_tuned_on(run: Run, round_number: int, examples: TuningExamples) -> list[tuple[tuple[int, ...], str]]:
    with patch.object(styledrop, "tune", side_effect=Killed) as tuned, pytest.raises(Killed):
        tune.fn(run, round_number, examples)
    return [(tuple(tokens.tolist()), prompt) for tokens, prompt in tuned.call_args.args[1]]


def test_all_views_of_a_reference_are_tuned_on_with_its_prompt(spec_document: dict[str, Any]) -> None:
    run = prepare.fn(parse_spec({**spec_document, "reference_views": 8}))
    store, base = Store(run.store), open_base(run.spec.base)
    [reference] = run.references
    image = from_png(store.read_blob(reference.image))
    other = Example(image=store.write_blob("x", ".png", to_png(image.rotate(180))), prompt="a hat in flat style")
    run = run.model_copy(update={"references": (reference, other)})
    expected = [
        (tuple(tokens.tolist()), prompt)
        for number, (shown, prompt) in enumerate(((image, reference.prompt), (image.rotate(180), other.prompt)))
        for tokens in base.tokenize(styledrop.views(shown, 8, seed=draw_seed(run.spec.seed, "views", number)))
    ]
    assert pairs_tuned_on(run, 1, tokenize.fn(run)) == expected


def test_round_two_is_tuned_on_exactly_the_sampled_tokens(run: Run, adapter: AdapterRecord) -> None:
    drawn: list[styledrop.Sampled] = []

    def remember(*arguments: Any, **options: Any) -> styledrop.Sampled:
        drawn.append(real_sample(*arguments, **options))
        return drawn[-1]

    real_sample = styledrop.sample
    with (
        patch.object(styledrop, "sample", remember),
        patch.object(styledrop.Base, "tokenize", side_effect=AssertionError("an image was encoded again")),
    ):
        feedback = keep_candidates.fn(run, sample_candidates.fn(run, adapter), None)
        pairs = pairs_tuned_on(run, 2, feedback.examples)
        tune.fn(run, 2, feedback.examples)
    [sampled] = drawn
    prompts = ["a cat in flat style", "a dog in flat style"]
    assert pairs == [
        (tuple(sampled.tokens[i].tolist()), prompt) for i, prompt in zip(feedback.kept, prompts, strict=True)
    ]
    encoded = open_base(run.spec.base).tokenize([sampled.images[i] for i in feedback.kept])
    assert pairs != [(tuple(row.tolist()), prompt) for row, prompt in zip(encoded, prompts, strict=True)]


def test_images_are_enlarged_from_the_tokens_they_were_drawn_as(run: Run, adapter: AdapterRecord) -> None:
    base = open_base(run.spec.base)
    samples = from_parquet(Store(run.store).read_blob(evaluate_round.fn(run, adapter).samples))
    with patch.object(styledrop.Base, "tokenize", side_effect=AssertionError("an image was encoded again")):
        images = enlarge_samples(base, samples, None)
    assert [image.size for image in images] == [(32, 32)] * len(samples) == [(32, 32)] * 2


def test_tuning_uses_the_settings_of_its_round(spec_document: dict[str, Any]) -> None:
    later = {**spec_document["later_rounds"], "steps": 2, "bottleneck": 3, "share_across_layers": False}
    run = prepare.fn(parse_spec({**spec_document, "later_rounds": later}))
    record = tune.fn(run, 2, tokenize.fn(run))
    adapter = open_adapter(record.files, open_base(run.spec.base))
    assert adapter.config == styledrop.AdapterConfig(bottleneck=3, share_across_layers=False)
    assert record.parameters == adapter.parameter_count()
    assert record.final_loss > 0


class Killed(BaseException):
    """What a kill -9 looks like from the outside: nothing handles it."""


@pytest.mark.parametrize("method", [{"bottleneck": 2}, *METHODS], ids=str)
def test_a_killed_tuning_goes_on_and_ends_with_the_same_weights(
    spec_document: dict[str, Any],
    work_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    method: dict[str, Any],
) -> None:
    monkeypatch.setattr("styledrop.tuning.CHECKPOINT_EVERY", 4)
    run = prepare.fn(parse_spec({**spec_document, "first_round": {"steps": 6, "batch_size": 2, **method}}))
    tokenized = tokenize.fn(run)
    whole = tune.fn(run, 1, tokenized)
    remove_work_folder(run)

    def die_at_4(self: Progress, done: int, note: str = "", *, is_last: bool = False) -> None:
        if done == 4:
            raise Killed

    with patch.object(Progress, "update", die_at_4), pytest.raises(Killed):
        tune.fn(run, 1, tokenized)
    assert len(list(work_root.glob("*/round-1-*"))) == 1
    resumed = tune.fn(run, 1, tokenized)
    assert "tune round 1, from its checkpoint: 6/6" in capsys.readouterr().err
    assert resumed.files == whole.files


def test_candidates_are_scored_numbered_and_have_seeds_of_their_own(run: Run, adapter: AdapterRecord) -> None:
    record = sample_candidates.fn(run, adapter)
    rows = from_parquet(Store(run.store).read_blob(record.table))
    assert record.count == len(rows) == 6
    assert [row.index for row in rows] == list(range(6))
    assert [row.prompt for row in rows] == ["a cat in flat style"] * 3 + ["a dog in flat style"] * 3
    assert len({row.seed for row in rows}) == 6
    assert all(-1 <= row.text_score <= 1 and -1 <= row.style_score <= 1 for row in rows)
    drawn = open_base(run.spec.base).render(torch.tensor([row.tokens for row in rows]))
    assert [to_png(image) for image in drawn] == [row.image for row in rows]


def test_a_killed_round_of_candidates_draws_only_what_is_missing(
    run: Run, adapter: AdapterRecord, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sampling, "PART_SIZE", 4)
    whole = sample_candidates.fn(run, adapter)
    shutil.rmtree(tmp_path / "store" / "runs" / "disc" / "round-1" / "candidates")
    real_sample = styledrop.sample

    def die_in_the_second_batch(*arguments: Any, seeds: list[int], **options: Any) -> Any:
        if len(seeds) == 2:
            raise Killed
        return real_sample(*arguments, seeds=seeds, **options)

    with patch.object(styledrop, "sample", die_in_the_second_batch), pytest.raises(Killed):
        sample_candidates.fn(run, adapter)
    with patch.object(styledrop, "sample", side_effect=real_sample) as sample:
        assert sample_candidates.fn(run, adapter) == whole
    assert [len(call.kwargs["seeds"]) for call in sample.call_args_list] == [2]


def test_every_round_is_evaluated_on_the_same_prompts_and_seeds(run: Run, adapter: AdapterRecord) -> None:
    base, first = evaluate_round.fn(run, None), evaluate_round.fn(run, adapter)
    assert (base.round_number, first.round_number) == (0, 1)
    drawn: list[list[Candidate]] = [from_parquet(Store(run.store).read_blob(s.samples)) for s in (base, first)]
    assert [(row.prompt, row.seed) for row in drawn[0]] == [(row.prompt, row.seed) for row in drawn[1]]
    assert {row.content_phrase for row in drawn[0]} == {"a fish"}
    assert first.text.mean == pytest.approx(np.mean([row.text_score for row in drawn[1]]), abs=1e-6)
    scores = [row.style_score for row in drawn[1]]
    assert first.style.standard_error == pytest.approx(np.std(scores, ddof=1) / len(scores) ** 0.5, abs=1e-6)


def test_the_base_alone_is_drawn_once_whatever_it_is_compared_with(run: Run, adapter: AdapterRecord) -> None:
    first, second = (
        sample_candidates.fn(run, drawn) for drawn in (adapter, adapter.model_copy(update={"round_number": 2}))
    )
    with patch.object(styledrop, "sample", side_effect=styledrop.sample) as sample:
        leaks = [
            findings_of_candidates(run, from_parquet(Store(run.store).read_blob(candidates.table)))
            for candidates in (first, second)
        ]
        assert evaluate_round.fn(run, None, 0.25) == evaluate_round.fn(run, None, 1.0)
    assert [call.kwargs["style"] for call in sample.call_args_list] == [
        None,
        None,
    ]  # for candidates, for the evaluation
    assert [leak is not None for leak in leaks] == [True, True]


def test_a_published_adapter_comes_back_with_its_card(run: Run, adapter: AdapterRecord, tmp_path: Path) -> None:
    store = Store(run.store)
    sheet = store.write_blob("sheets", ".png", b"image")
    rounds = (evaluate_round.fn(run, None), evaluate_round.fn(run, adapter))
    verdict = Verdict.of([0.0, 0.1], [0.2, 0.3])
    evaluation = EvaluationRecord(rounds=rounds, leaks=(LOW,), verdict=verdict, contact_sheet=sheet)
    published = publish.fn(run, [adapter], [], GUIDANCE, evaluation, None, None)
    assert publish.fn(run, [adapter], [], GUIDANCE, evaluation, None, None) == published

    card = json.loads(store.read(f"styles/disc/versions/{published.version}/card.json"))
    assert card["licence"] == "CC0-1.0"
    assert card["consent"] == "own work"
    assert card["references"] == [
        {"sha256": run.reference_sha256[0], "content_phrase": "a disc", "style_phrase": "in flat style",
         "content_phrase_from": "given", "style_phrase_from": "given"}
    ]  # fmt: skip
    [first] = card["rounds"]
    assert (first["steps"], first["parameters"]) == (3, adapter.parameters)
    assert (first["examples"], first["views"]) == (1, run.spec.reference_views)
    assert first["text"]["mean"] == evaluation.rounds[1].text.mean
    assert card["guidance"] == {"lambda_a": 1.5, "lambda_b": defaults.OF_EMBEDDED.guidance.lambda_b}
    assert card["leak"] == {"mean": 0.1, "standard_error": 0.01, "threshold": 0.2}
    assert (card["verdict"]["is_learnt"], card["verdict"]["style"]["mean"]) == (True, pytest.approx(0.25))
    base = open_base(run.spec.base)
    loaded, tuned = load_published(published.uri, run.spec.base), open_adapter(adapter.files, base)
    [back, before] = [styledrop.sample(base, ["a fish"], seeds=[1], style=style).tokens for style in (loaded, tuned)]
    assert torch.equal(back, before)
    with pytest.raises(NotInStore):
        load_published(f"{run.store}/styles/other", run.spec.base)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_what_another_method_made_is_published_loaded_and_drawn_with(
    spec_document: dict[str, Any], method: dict[str, Any], tmp_path: Path
) -> None:
    run = prepare.fn(parse_spec({**spec_document, "first_round": {"steps": 3, "batch_size": 2, **method}}))
    store, tuned = Store(run.store), tune.fn(run, 1, tokenize.fn(run))
    rounds = (evaluate_round.fn(run, None), evaluate_round.fn(run, tuned))
    assert rounds[0].samples != rounds[1].samples
    evaluation = EvaluationRecord(rounds=rounds, leaks=(LOW,), contact_sheet=store.write_blob("s", ".png", b"image"))
    published = publish.fn(run, [tuned], [], GUIDANCE, evaluation, None, None)
    assert not [check for check in verify_version(published.uri)[1] if check.is_refused]
    assert read_document(published.uri).method == method["method"]
    card = json.loads(Store(published.uri).read("card.json"))
    assert card["rounds"][0].items() >= method.items()
    sample = from_parquet(store.read_blob(rounds[1].samples))[0]
    drawn = styledrop.sample(
        open_base(run.spec.base), [sample.prompt], seeds=[sample.seed],
        style=load_published(published.uri, run.spec.base), guidance=defaults.OF_EMBEDDED.guidance,
        config=defaults.OF_EMBEDDED.sampling.model_copy(update={"steps": 2}),
    )  # fmt: skip
    assert drawn.tokens.tolist() == [list(sample.tokens)]


@pytest.mark.parametrize(
    ("about", "leak", "verdict", "message"),
    [
        ("leak", HIGH, Verdict.of([0.0, 0.1], [0.2, 0.3]), r"leak 0\.300 ± 0\.010, above 0\.2: "),
        ("verdict", LOW, Verdict.of([0.0, 0.1], [0.2, -0.3]), r"not learnt: Style -0\.050 ± 0\.250, Text "),
    ],
)
def test_what_is_doubtful_is_published_only_with_a_persons_word(
    run: Run, adapter: AdapterRecord, about: str, leak: Leak, verdict: Verdict, message: str
) -> None:
    store = Store(run.store)
    rounds = (evaluate_round.fn(run, None), evaluate_round.fn(run, adapter))
    sheet = store.write_blob("s", ".png", b"image")
    evaluation = EvaluationRecord(rounds=rounds, leaks=(leak,), verdict=verdict, contact_sheet=sheet)
    waiver = Decision(
        decision="publish", reviewer="Ada", decided_at=run.started_at, picks=(), note="", leak=leak, verdict=verdict,
        candidates_sha256=rounds[1].samples.sha256,
    )  # fmt: skip
    lower = Leak(score=LOW.score.model_copy(update={"mean": 0.21}), threshold=LOW.threshold)
    for change, words in (
        (None, f"got none; {message}"),
        ({"decision": "reject"}, f"got 'reject'; {message}"),
        ({"decision": "approve"}, f"got 'approve'; {message}"),  # of candidates, in an earlier round
        ({"leak": lower}, r"got one of Ada on others \(leak 0\.210 ± "),
        ({"leak": None}, r"got one of Ada on others \(leak unknown; "),
        ({"verdict": None}, r"got one of Ada on others \(leak .*; verdict unknown\)"),
        ({"candidates_sha256": "0" * 64}, "got one of Ada on others"),
    ):
        no_waiver = waiver.model_copy(update=change) if change else None
        with pytest.raises(DecisionRefused, match=words):
            publish.fn(run, [adapter], [], GUIDANCE, evaluation, no_waiver, None)
    assert store.list("styles") == []
    published = publish.fn(run, [adapter], [], GUIDANCE, evaluation, waiver, None)
    folder = f"styles/disc/versions/{published.version}"
    card = json.loads(store.read(f"{folder}/card.json"))
    assert [field for field in ("leak", "verdict") if "published_by" in card[field]] == [about]
    assert card[about]["published_by"] == "Ada"
    assert ("Ada let it be published" in store.read(f"{folder}/README.md").decode()) == (about == "verdict")
    assert Decision.model_validate_json(store.read(f"{folder}/word.json")) == waiver


def test_an_evaluation_is_drawn_with_what_was_chosen_for_the_style(run: Run, adapter: AdapterRecord) -> None:
    with patch.object(styledrop, "sample", side_effect=styledrop.sample) as sample:
        evaluate_round.fn(run, adapter, 1.5)
        evaluate_round.fn(run, adapter)
    drawn = [{one.lambda_a for one in call.kwargs["guidance"]} for call in sample.call_args_list]
    assert drawn == [{1.5}, {defaults.OF_EMBEDDED.guidance.lambda_a}]
