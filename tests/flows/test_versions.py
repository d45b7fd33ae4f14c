"""Published versions stand alone, wherever they are moved, and say what they are."""

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
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from flows.evaluate import evaluate
from flows.generate import generate
from tests.published_adapter import download_version

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
