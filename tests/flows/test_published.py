"""Generating with a published style, and evaluating it."""

import io
import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import c2pa
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PIL import Image
from prefect.client.orchestration import SyncPrefectClient

import styledrop
from data.documents import defaults
from data.documents.requests import EvaluateRequest, GenerateRequest, read_request
from data.documents.style_spec import parse_spec
from data.errors import NotInStore, SpecError, StyleWithdrawn
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from data.store.publication import withdraw
from flows.evaluate import evaluate
from flows.generate import generate, main
from published.__main__ import main as published_main
from tasks.models import open_base
from tasks.onboarding.prepare import prepare
from tasks.published.evaluate import prepare_scores
from tasks.published.generate import prepare_images
from tests.published_adapter import download_version, load_published

pytestmark = pytest.mark.usefixtures("prefect_api")


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
    with Image.open(io.BytesIO(store.read("generated/sea/00001-a-fish.png"))) as png:
        assert png.tobytes() == Image.open(io.BytesIO(rows[1]["image"])).tobytes()
        assert {name: str(value) for name, value in png.info.items()} == {
            "prompt": "a fish in flat style",
            "seed": str(rows[1]["seed"]),
            "style": "disc",
            "version": request.style.rpartition("/")[2],
            "base": f"tiny ({open_base(request.base).sha256[:12]})",
            "Software": f"styledrop {styledrop.__version__}",
        }
    assert Image.open(io.BytesIO(store.read_blob(generated.contact_sheet))).height > 2 * 96

    # The same as the library draws with what was published, at the λ_A in its card.
    base = open_base(request.base)
    drawn = styledrop.sample(
        base, [rows[1]["prompt"]], seeds=[rows[1]["seed"]], style=load_published(request.style, request.base),
        guidance=styledrop.Guidance(lambda_a=1.5, lambda_b=defaults.OF_EMBEDDED.guidance.lambda_b),
        config=defaults.OF_EMBEDDED.sampling.model_copy(update={"steps": 2}),
    )  # fmt: skip
    assert drawn.tokens.tolist() == [rows[1]["tokens"]]

    page = shown(prefect_client, "generate")
    assert "data:image/png;base64," in page
    assert generated.table.uri in page

    # Beside them the same at twice the size, with the adapter that super-resolution has of the style.
    generate(request.model_copy(update={"large": True}))
    download_version(request.style, tmp_path / "version")
    _, large, *_ = styledrop.enlarge(
        base, torch.tensor([row["tokens"] for row in rows]), [row["prompt"] for row in rows],
        seeds=[row["seed"] for row in rows],
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


def test_images_are_signed_by_the_key_in_the_environment_and_say_nothing_if_so_asked(
    request_for: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    monkeypatch.setenv("STYLEDROP_SIGNING_KEY", pem)
    store, request = Store(request_for["store"]), {**request_for, "prompts": ["a fish"], "large": True}
    for folder, settings in (("told", {}), ("untold", {"provenance": False})):
        generate(GenerateRequest.model_validate({**request, **settings, "folder": folder}))
    assert published_main(["certificate"]) == 0
    anchor = capsys.readouterr().out.rpartition("-----BEGIN")
    trust = {"trust": {"trust_anchors": "".join(anchor[1:])}, "verify": {"remote_manifest_fetch": False}}
    for name in ("00000-a-fish.png", "large/00001-a-fish.png"):
        png = store.read(f"generated/told/{name}")
        with c2pa.Reader("image/png", io.BytesIO(png), context=c2pa.Context.from_dict(trust)) as reader:
            assert reader.get_validation_state() == "Trusted"
            said = {one["label"]: one["data"] for one in reader.get_active_manifest()["assertions"]}
        with Image.open(io.BytesIO(png)) as image:
            assert said["styledrop.generation"] == {label: str(value) for label, value in image.info.items()}
        with Image.open(io.BytesIO(store.read(f"generated/untold/{name}"))) as image:
            assert not image.info


def test_a_withdrawn_style_is_neither_drawn_nor_scored(
    request_for: dict[str, Any], published: PublishedAdapter, spec_document: dict[str, Any]
) -> None:
    withdraw(Store(spec_document["store"]), "disc", by="Ada", reason="the artist asked")
    for style in (published.uri, published.uri.partition("/versions/")[0]):
        with pytest.raises(StyleWithdrawn, match="withdrawn by Ada .*: the artist asked"):
            generate(GenerateRequest.model_validate({**request_for, "style": style, "folder": "sea"}))
        with pytest.raises(StyleWithdrawn):
            evaluate(EvaluateRequest.model_validate({**request_for, "style": style}))
        with pytest.raises(StyleWithdrawn):
            load_published(style, request_for["base"])
    with pytest.raises(StyleWithdrawn):
        prepare.fn(parse_spec(spec_document))
    assert not [key for key in Store(spec_document["store"]).list() if key.endswith(".safetensors")]


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


def test_a_request_that_cannot_be_done_leaves_nothing(
    request_for: dict[str, Any], published: PublishedAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = ((prepare_images, GenerateRequest, {"folder": "sea"}), (prepare_scores, EvaluateRequest, {}))
    before = Store(request_for["store"]).list()
    long = "x" * open_base(request_for["base"]).text.max_tokens
    for prepared, kind, more in kinds:
        for change in ({"prompts": ["a fish", long]}, {"sampling": {"negative_prompt": long}}):
            with pytest.raises(SpecError, match="that are longer"):
                prepared.fn(kind.model_validate({**request_for, **more, **change}))
    for prompt in ("A cat", "the cat", "ａ ｃａｔ", "a disc"):
        with pytest.raises(SpecError, match="'disc' was not tuned on, got "):
            prepare_scores.fn(EvaluateRequest.model_validate({**request_for, "prompts": ["a tree", prompt]}))

    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "11111111-1111-1111-1111-111111111111")
    monkeypatch.chdir(tmp_path)
    for prepared, kind, more in kinds:
        for field, address in (("store", "store"), ("base", "~/base"), ("style", "store/styles/disc")):
            with pytest.raises(SpecError, match=f"one place on every worker .* got {field} '{address}'"):
                prepared.fn(kind.model_validate({**request_for, **more, field: address}))
    assert Store(request_for["store"]).list() == before


def test_our_own_evaluation_prompts_leave_out_what_a_style_was_tuned_on(
    request_for: dict[str, Any], published: PublishedAdapter
) -> None:
    del request_for["prompts"]
    with patch("tasks.published.evaluate.EVALUATION_PROMPTS", ("a dog", "a tree")):
        request = EvaluateRequest.model_validate(request_for)
        assert prepare_scores.fn(request).style.phrases == ("a tree",)


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
