"""The whole flow onto a real S3 server."""

from pathlib import Path
from typing import Any

import pytest

import styledrop
from data.documents.spec import parse_spec
from data.store.files import Store
from data.store.publication import current_version
from flows.onboard_style import onboard_style
from tasks.models import load_published, open_base

pytestmark = pytest.mark.e2e


def test_onboarding_publishes_to_s3_and_the_adapter_comes_back_and_is_used(
    s3_store: str, spec_document: dict[str, Any], prefect_api: str
) -> None:
    spec = parse_spec({**spec_document, "store": s3_store})
    published = onboard_style(spec)

    folder = f"styles/disc/versions/{published.version}"
    store = Store(s3_store)
    assert current_version(store, "disc") == published
    assert store.list("styles") == [
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
                "references.json",
                "spec.json",
                "super_resolution/adapter.safetensors",
                "super_resolution/card.json",
            )
        ),
    ]

    adapter = load_published(f"{s3_store}/styles/disc", spec.base)
    [image] = styledrop.sample(
        open_base(spec.base), ["a fish in flat style"], seeds=[1], style=adapter,
        guidance=styledrop.Guidance(), config=styledrop.SamplingConfig(steps=2),
    )  # fmt: skip
    assert image.size == (open_base(spec.base).size_px,) * 2
    assert Path(published.uri).name == published.version
