"""A style that was published from plain functions, and what is asked of it."""

from pathlib import Path
from typing import Any

import pytest

from data.documents.style_spec import parse_spec
from data.records.onboarding import PublishedAdapter
from data.records.scores import EvaluationRecord, GuidanceRecord, Verdict
from data.store.files import Store
from tasks.onboarding.enlarge import enlarge
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.tune import tokenize, tune, tune_enlarging


@pytest.fixture
def published(spec_document: dict[str, Any]) -> PublishedAdapter:
    """Tuned for three steps, so fast that they show in the images."""
    settings = {**spec_document["first_round"], "learning_rate": 1.0}
    run = prepare.fn(parse_spec({**spec_document, "first_round": settings}))
    adapter = tune.fn(run, 1, tokenize.fn(run))
    sheet = Store(run.store).write_blob("sheets", ".png", b"image")
    rounds = (evaluate_round.fn(run, None), evaluate_round.fn(run, adapter))
    verdict = Verdict.of([0.0, 0.1], [0.2, 0.3])
    evaluation = EvaluationRecord(rounds=rounds, leaks=(None,), verdict=verdict, contact_sheet=sheet)
    return publish.fn(
        run,
        [adapter],
        [],
        GuidanceRecord(lambda_a=1.5, tried=()),
        evaluation,
        None,
        enlarge.fn(run, tune_enlarging.fn(run), rounds[1]),
    )


@pytest.fixture
def request_for(tmp_path: Path, tiny_base_folder: Path, published: PublishedAdapter) -> dict[str, Any]:
    """What generating and evaluating have in common."""
    return {
        "style": published.uri,
        "prompts": ["a fish", "a tree"],
        "images_per_prompt": 2,
        "sampling": {"steps": 2},
        "store": f"file://{tmp_path}/images",
        "base": str(tiny_base_folder),
    }
