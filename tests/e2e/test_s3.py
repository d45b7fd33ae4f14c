"""The whole flow onto a real S3 server."""

from pathlib import Path
from typing import Any

import pytest

import styledrop
from data.errors import AlreadyInStore, NotInStore, StoreError, StoreNotWritable
from data.publication import current_version
from data.spec import parse_spec
from data.store import Store
from flows.onboard_style import onboard_style
from tasks.models import open_base
from tasks.publish import load_published

pytestmark = pytest.mark.e2e


def test_the_store_does_on_s3_what_it_does_on_files(s3_store: str) -> None:
    store = Store(s3_store)
    blob = store.write_new("a/b.txt", b"first")
    with pytest.raises(AlreadyInStore):
        store.write_new("a/b.txt", b"second")
    assert store.read_blob(blob) == b"first"
    assert store.write_same("a/b.txt", b"first") == blob
    store.replace("current.json", b"1")
    store.replace("current.json", b"2")
    assert Store(s3_store).read("current.json") == b"2"
    assert store.list() == ["a/b.txt", "current.json"]
    with pytest.raises(NotInStore, match="s3://styles/.*missing"):
        store.read("missing")


def test_a_store_that_cannot_be_written_says_why(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreNotWritable, match=r"cannot write s3://no-such-bucket/a\.txt: .*bucket"):
        Store("s3://no-such-bucket").write_new("a.txt", b"")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    # Another root, since fsspec keeps one client for each set of arguments, not of environment variables.
    with pytest.raises(StoreError, match="cannot write s3://styles/"):
        Store(s3_store + "-wrong").write_new("a.txt", b"")


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
                "evaluation.json",
                "feedback/round-1.json",
                "manifest.json",
                "spec.json",
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
