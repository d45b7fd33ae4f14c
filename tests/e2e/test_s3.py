"""The whole flow onto a real S3 server."""

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import styledrop
from data.documents.requests import EvaluateRequest, GenerateRequest
from data.documents.style_spec import parse_spec
from data.errors import StyleWithdrawn
from data.store.files import Store
from data.store.publication import current_version
from flows.evaluate import evaluate
from flows.generate import generate
from flows.onboard_style import onboard_style
from published.__main__ import main as commands
from tasks.models import open_base
from tests.published_adapter import load_published

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("learnt")]


def test_onboarding_publishes_to_s3_and_the_adapter_comes_back_and_is_used(
    s3_store: str, spec_document: dict[str, Any], prefect_api: str
) -> None:
    spec = parse_spec({**spec_document, "store": s3_store})
    published = onboard_style(spec)

    folder = f"styles/disc/versions/{published.version}"
    store = Store(s3_store)
    assert current_version(store, "disc") == published
    assert set(store.list("styles")) >= {
        "styles/disc/current.json",
        *(
            f"{folder}/{name}"
            for name in (
                "adapter.safetensors",
                "card.json",
                "contact_sheet.png",
                "enlarged.png",
                "evaluation.json",
                "feedback/round-1.json",
                "guidance.json",
                "manifest.json",
                "README.md",
                "references/0.png",
                "spec.json",
                "super_resolution/adapter.safetensors",
                "super_resolution/card.json",
                "version.json",
            )
        ),
    }

    adapter = load_published(f"{s3_store}/styles/disc", spec.base)
    drawn = styledrop.sample(
        open_base(spec.base), ["a fish in flat style"], seeds=[1], style=adapter,
        guidance=styledrop.Guidance(), config=styledrop.SamplingConfig(steps=2),
    )  # fmt: skip
    assert drawn.images[0].size == (open_base(spec.base).size_px,) * 2
    assert Path(published.uri).name == published.version


def test_a_style_leaves_s3_whole_and_is_taken_back_there(
    s3_store: str, spec_document: dict[str, Any], prefect_api: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    key, encoding = Ed25519PrivateKey.generate(), Encoding.PEM
    private = key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    monkeypatch.setenv("STYLEDROP_SIGNING_KEY", private.decode())
    monkeypatch.setenv("STYLEDROP_TRUSTED_KEYS", public.decode())
    spec = parse_spec({**spec_document, "store": s3_store, "rounds": 1})
    published, store = onboard_style(spec), Store(s3_store)
    request = {"prompts": ["a fish"], "sampling": {"steps": 2}, "base": spec.base, "images_per_prompt": 2}
    drawn = generate(
        GenerateRequest.model_validate({**request, "style": published.uri, "store": s3_store, "folder": "sea"})
    )

    # To another kind of store, without the run that made it.
    files = Store(f"file://{tmp_path}/moved")
    for key in store.list("styles/disc"):
        files.write_new(key, store.read(key))
    for key in store.list("runs"):
        store.remove(key)
    moved = {**request, "style": f"{files.uri}/styles/disc", "store": files.uri}
    again = generate(GenerateRequest.model_validate({**moved, "folder": "sea"}))
    assert again.table.sha256 == drawn.table.sha256
    assert evaluate(EvaluateRequest.model_validate(moved)).style.round_number == 1
    assert commands(["verify", moved["style"]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"signature   by [0-9a-f]{16}, trusted", lines[0])
    assert lines[-1] == f"{moved['style']}/versions/{published.version}: verified"

    style = f"{s3_store}/styles/disc"
    assert commands(["withdraw", style, "--reason", "the artist asked", "--by", "Ada"]) == 0
    assert commands(["list", s3_store]) == 0
    assert re.search("disc  withdrawn by Ada at .* UTC: the artist asked\n$", capsys.readouterr().out)
    assert not [key for key in store.list() if key.endswith(".safetensors")]
    with pytest.raises(StyleWithdrawn):
        generate(GenerateRequest.model_validate({**request, "style": style, "store": s3_store, "folder": "land"}))
