"""Published versions stand alone, wherever they are moved, whichever release made them, and say what they are."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from huggingface_hub import ModelCard
from PIL import Image

import styledrop
from data.documents.requests import EvaluateRequest, GenerateRequest
from data.errors import SpecError
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from data.store.published_style import ADAPTER_FILES, download_version
from flows.evaluate import evaluate
from flows.generate import generate

pytestmark = pytest.mark.usefixtures("prefect_api")


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
