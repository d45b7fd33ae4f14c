"""Generating with a published style, and evaluating it."""

import io
import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from prefect.client.orchestration import SyncPrefectClient

import styledrop
from data.documents import defaults
from data.documents.requests import EvaluateRequest, GenerateRequest, read_request
from data.documents.spec import parse_spec
from data.errors import NotInStore, SpecError
from data.records.onboarding import PublishedAdapter
from data.records.scores import EvaluationRecord, GuidanceRecord
from data.store.files import Store
from data.store.published_style import download_version
from flows.evaluate import evaluate
from flows.generate import generate, main
from tasks.models import load_published, open_base
from tasks.onboarding.enlarge import enlarge
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.tokenize import tokenize
from tasks.onboarding.tune import tune

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def published(spec_document: dict[str, Any]) -> PublishedAdapter:
    settings = {**spec_document["first_round"], "learning_rate": 1.0}  # so fast that three steps show in the images
    run = prepare.fn(parse_spec({**spec_document, "first_round": settings}))
    adapter = tune.fn(run, 1, tokenize.fn(run, run.references))
    sheet = Store(run.store).write_blob("sheets", ".png", b"image")
    rounds = (evaluate_round.fn(run, None), evaluate_round.fn(run, adapter))
    evaluation = EvaluationRecord(rounds=rounds, leaks=(None,), contact_sheet=sheet)
    return publish.fn(
        run, [adapter], [], GuidanceRecord(lambda_a=1.5, tried=()), evaluation, None, enlarge.fn(run, rounds[1])
    )


@pytest.fixture
def request_for(tmp_path: Path, tiny_base_folder: Path, published: PublishedAdapter) -> dict[str, Any]:
    return {
        "style": published.uri,
        "prompts": ["a fish", "a tree"],
        "images_per_prompt": 2,
        "sampling": {"steps": 2},
        "store": f"file://{tmp_path}/images",
        "base": str(tiny_base_folder),
    }


def shown(client: SyncPrefectClient, key: str) -> str:
    """The newest Markdown artifact whose key begins so."""
    newest_first = {"sort": "UPDATED_DESC", "artifacts": {"type": {"any_": ["markdown"]}, "key": {"like_": f"{key}-%"}}}
    return str(client.request("POST", "/artifacts/latest/filter", json=newest_first).json()[0]["data"])


def test_images_of_a_published_style_lie_in_the_store_as_files_table_and_sheet(
    request_for: dict[str, Any], prefect_client: SyncPrefectClient, tmp_path: Path
) -> None:
    request = GenerateRequest.model_validate({**request_for, "folder": "sea"})
    generated = generate(request)
    store = Store(request.store)
    assert generated.uri == f"{store.uri}/generated/sea"
    rows = pq.read_table(io.BytesIO(store.read_blob(generated.table))).to_pylist()
    assert [row["prompt"] for row in rows] == ["a fish in flat style"] * 2 + ["a tree in flat style"] * 2
    assert all(-1 <= row["text_score"] <= 1 and -1 <= row["style_score"] <= 1 for row in rows)
    assert store.read("generated/sea/00001-a-fish.png") == rows[1]["image"]
    assert Image.open(io.BytesIO(store.read_blob(generated.contact_sheet))).height > 2 * 96

    # The same as the library draws with what was published, at the λ_A in its card.
    base = open_base(request.base)
    [image] = styledrop.sample(
        base, [rows[1]["prompt"]], seeds=[rows[1]["seed"]], style=load_published(request.style, request.base),
        guidance=styledrop.Guidance(lambda_a=1.5, lambda_b=defaults.LAMBDA_B),
        config=styledrop.SamplingConfig(steps=2, token_temperature=defaults.TOKEN_TEMPERATURE),
    )  # fmt: skip
    assert image.tobytes() == Image.open(io.BytesIO(rows[1]["image"])).tobytes()

    page = shown(prefect_client, "generate")
    assert "data:image/png;base64," in page
    assert generated.table.uri in page

    # Beside them the same at twice the size, with the adapter that super-resolution has of the style.
    generate(request.model_copy(update={"large": True}))
    download_version(request.style, tmp_path / "version")
    [large] = styledrop.enlarge(
        base, base.tokenize([image]), [rows[1]["prompt"]], seeds=[rows[1]["seed"]],
        style=styledrop.load_adapter(tmp_path / "version/super_resolution", base.large),
    )  # fmt: skip
    assert large.size == (32, 32)
    assert Image.open(io.BytesIO(store.read("generated/sea/large/00001-a-fish.png"))).tobytes() == large.tobytes()
    assert Image.open(io.BytesIO((tmp_path / "version/enlarged.png").read_bytes())).height > 2 * 32

    # Again: nothing is drawn twice, nor enlarged. Other images never go among these.
    with (
        patch.object(styledrop, "sample", side_effect=AssertionError("drawn again")),
        patch.object(styledrop, "enlarge", side_effect=AssertionError("enlarged again")),
    ):
        assert generate(request) == generated
        generate(request.model_copy(update={"large": True}))
    with pytest.raises(SpecError, match="generated/sea holds others; choose another name"):
        generate(request.model_copy(update={"seed": 1}))


def test_the_bare_base_draws_too_and_has_no_style_score(request_for: dict[str, Any]) -> None:
    request = GenerateRequest.model_validate(
        {**request_for, "style": "", "style_phrase": "in ink", "folder": "bare", "images_per_prompt": 1}
    )
    rows = pq.read_table(io.BytesIO(Store(request.store).read_blob(generate(request).table))).to_pylist()
    assert [row["prompt"] for row in rows] == ["a fish in ink", "a tree in ink"]
    assert all(np.isnan(row["style_score"]) and not np.isnan(row["text_score"]) for row in rows)


def test_a_style_and_its_base_are_scored_on_the_same_seeds_with_a_report(
    request_for: dict[str, Any], prefect_client: SyncPrefectClient
) -> None:
    request = EvaluateRequest.model_validate(request_for)
    evaluated = evaluate(request)
    store = Store(request.store)
    tables = [
        pq.read_table(io.BytesIO(store.read_blob(scores.samples))).to_pylist()
        for scores in (evaluated.base, evaluated.style)
    ]
    assert [(row["prompt"], row["seed"]) for row in tables[0]] == [(row["prompt"], row["seed"]) for row in tables[1]]
    assert [row["image"] for row in tables[0]] != [row["image"] for row in tables[1]]
    scores = [row["style_score"] for row in tables[1]]
    assert evaluated.style.style.mean == pytest.approx(np.mean(scores), abs=1e-6)
    assert evaluated.style.style.standard_error == pytest.approx(np.std(scores, ddof=1) / 2, abs=1e-6)

    report = store.read(evaluated.uri.removeprefix(f"{store.uri}/")).decode()
    assert f"{evaluated.style.text.mean:.3f} ± {evaluated.style.text.standard_error:.3f}" in report
    assert '"lambda_a":1.5' in report
    assert re.search(r"\| -?\d\.\d{3} ± \d\.\d{3}, (not )?above 0", report)  # the style's leak
    assert report.count("data:image/webp;base64,") == 4  # two prompts, base and style
    [sheet] = re.findall(r"\((\w+\.png)\)", report)
    assert store.exists(f"{evaluated.uri.removeprefix(f'{store.uri}/').rpartition('/')[0]}/{sheet}")
    page = shown(prefect_client, "evaluate")
    assert page.startswith("# disc\n\n" + request.style)
    assert "data:image/png;base64," in page
    assert evaluated.uri in page

    with patch.object(styledrop, "sample", side_effect=AssertionError("drawn again")):
        assert evaluate(request) == evaluated
        with patch("tasks.published.evaluate.MAX_COLUMNS", 1):
            narrow = store.read(evaluate(request).uri.removeprefix(f"{store.uri}/")).decode()
    assert narrow.count("data:image/webp;base64,") == 2
    assert "on 2 prompts" in narrow
    with pytest.raises(SpecError, match=r"'disc' was not tuned on, got \['a cat'\]"):
        evaluate(request.model_copy(update={"prompts": ("a cat",)}))


def test_mistakes_in_a_request_are_one_line(
    request_for: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "request.yaml"
    path.write_text(json.dumps({**request_for, "prompts": [], "folder": "No Slug", "more": 1}))
    monkeypatch.setattr("sys.argv", ["generate", "--request", str(path)])
    assert main() == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("SpecError: the request cannot be used: ")
    for words in ("prompts: expected at least one phrase", "folder: expected 1 to 64 characters", "more: "):
        assert words in line
    with pytest.raises(SpecError, match="expected a request at .*nowhere.yaml, got No such file"):
        read_request(tmp_path / "nowhere.yaml", EvaluateRequest)
    with pytest.raises(NotInStore, match="expected a published adapter at .*nothing"):
        generate(GenerateRequest.model_validate({**request_for, "style": f"{tmp_path}/nothing", "folder": "sea"}))
