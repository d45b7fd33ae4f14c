"""Generating with a published style, and evaluating it."""

import hashlib
import io
import json
import re
import shutil
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
from huggingface_hub import ModelCard
from PIL import Image
from prefect.client.orchestration import SyncPrefectClient

import styledrop
from data.documents import defaults
from data.documents.requests import EvaluateRequest, GenerateRequest, read_request
from data.documents.style_spec import parse_spec
from data.errors import NotInStore, SpecError, StyleWithdrawn
from data.records.onboarding import PublishedAdapter
from data.records.scores import EvaluationRecord, GuidanceRecord, Verdict
from data.store.files import Store
from data.store.publication import withdraw
from data.store.published_style import ADAPTER_FILES, download_version
from flows.evaluate import evaluate
from flows.generate import generate, main
from published.__main__ import main as published_main
from tasks.models import open_base
from tasks.onboarding.enlarge import enlarge
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.tune import tokenize, tune
from tasks.onboarding.tune_enlarging import tune_enlarging
from tasks.published.evaluate import prepare_scores
from tasks.published.generate import prepare_images
from tests.published_adapter import load_published

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def published(spec_document: dict[str, Any]) -> PublishedAdapter:
    settings = {**spec_document["first_round"], "learning_rate": 1.0}  # so fast that three steps show in the images
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


def copy_style(style: str, store: Store) -> str:
    """The style at the address `style` in another store."""
    source, name = Store(style), style.rpartition("/")[2]
    for key in source.list():
        store.write_new(f"styles/{name}/{key}", source.read(key))
    return f"{store.uri}/styles/{name}"


def test_a_version_stands_alone_and_travels(
    request_for: dict[str, Any], published: PublishedAdapter, tmp_path: Path
) -> None:
    request = GenerateRequest.model_validate({**request_for, "folder": "sea"})
    images = Store(request.store).read_blob(generate(request).table)
    scores = evaluate(EvaluateRequest.model_validate(request_for))
    for path in Path(published.uri.removeprefix("file://")).rglob("*"):
        if path.suffix in (".json", ".md"):
            assert "://" not in path.read_text().replace("https://arxiv.org", "")
            assert str(tmp_path) not in path.read_text()

    moved = Store(f"memory://{tmp_path.name}")
    style = copy_style(published.uri.partition("/versions/")[0], moved)
    shutil.rmtree(tmp_path / "store")
    with patch.object(styledrop, "sample", side_effect=AssertionError("drawn again, for the address alone")):
        generate(request.model_copy(update={"style": style}))
    elsewhere = {"style": style, "store": moved.uri}
    assert moved.read_blob(generate(request.model_copy(update=elsewhere)).table) == images
    again = evaluate(EvaluateRequest.model_validate({**request_for, **elsewhere}))
    assert (again.style.style, again.style.text, again.base.style) == (
        scores.style.style,
        scores.style.text,
        scores.base.style,
    )


def as_layout_1(published: PublishedAdapter, store: Store) -> None:
    """Publish the same as earlier releases did: references in the run, a spec of then, a pointer without history."""
    version = Store(published.uri)
    document = json.loads(version.read("version.json"))
    spec, card = (json.loads(version.read(name)) for name in ("spec.json", "card.json"))
    kept = {name: version.read(name) for name in ("adapter.safetensors", "evaluation.json", "guidance.json")}
    kept |= {f"super_resolution/{name}": version.read(f"super_resolution/{name}") for name in ADAPTER_FILES}
    references = [
        {
            "image": store.write_blob("runs/1/references", ".png", version.read(one["image"])).model_dump(),
            "prompt": one["prompt"],
        }
        for one in document["references"]
    ]
    spec |= {"store": store.uri, "base": "gone", "a_setting_of_old": 1}
    written = {"references": references, "spec": spec, "card": {k: v for k, v in card.items() if k != "verdict"}}
    files = kept | {f"{name}.json": json.dumps(content).encode() for name, content in written.items()}
    manifest = json.dumps({path: hashlib.sha256(content).hexdigest() for path, content in files.items()}).encode()
    digest = hashlib.sha256(manifest).hexdigest()
    for path, content in {**files, "manifest.json": manifest}.items():
        store.write_new(f"styles/disc/versions/{digest[:16]}/{path}", content)
    store.write_new(
        "styles/disc/current.json", json.dumps({"version": digest[:16], "manifest_sha256": digest}).encode()
    )


def test_versions_of_earlier_releases_still_open(
    request_for: dict[str, Any], published: PublishedAdapter, tmp_path: Path
) -> None:
    request = GenerateRequest.model_validate({**request_for, "folder": "sea"})
    images = Store(request.store).read_blob(generate(request).table)
    old = Store(f"file://{tmp_path}/100%25 old")
    as_layout_1(published, old)
    asked = {"style": f"{old.uri}/styles/disc", "store": old.uri, "large": True}
    assert old.read_blob(generate(request.model_copy(update=asked)).table) == images
    del asked["large"]
    assert evaluate(EvaluateRequest.model_validate({**request_for, **asked})).style.round_number == 1
    with pytest.raises(SpecError, match=r"'disc' was not tuned on, got \['a disc'\]"):
        evaluate(EvaluateRequest.model_validate({**request_for, **asked, "prompts": ["a disc"]}))


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


def test_a_versions_page_says_to_hub_and_people_what_it_is(
    request_for: dict[str, Any], published: PublishedAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download_version(published.uri, tmp_path / "version")
    page = (tmp_path / "version/README.md").read_text()
    card = ModelCard(page)
    head = card.data.to_dict()
    assert (head["license"], head["library_name"], head["pipeline_tag"]) == ("cc0-1.0", "styledrop", "text-to-image")
    assert (head["base_model_relation"], head["instance_prompt"]) == ("adapter", "in flat style")
    text, style = card.data.eval_results
    assert (text.metric_type, style.metric_type) == ("clip_text_score", "clip_style_score")
    assert text.metric_args["standard_error"] > 0 and text.metric_args["images"] == 2
    pictures = [one["output"]["url"] for one in head["widget"]] + re.findall(r"\]\(([^)h][^)]*)\)", page)
    assert {"references/0.png", "samples/base/00000-a-fish.png", "samples/style/00000-a-fish.png"} <= set(pictures)
    assert all((tmp_path / "version" / path).is_file() for path in pictures)
    assert "**Learnt**: Style +0.250 ± 0.050, Text +0.050 ± 0.050 against the untuned base, 2 images" in page

    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "version/tiny").symlink_to(request_for["base"])
    monkeypatch.chdir(tmp_path / "version")
    exec(code, {})
    with Image.open(tmp_path / "version/image.png") as image:
        assert image.size == (16, 16)


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
