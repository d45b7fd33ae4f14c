import json
from pathlib import Path
from unittest.mock import patch

import pytest

from data.errors import NotInStore, StoreCorrupted, StoreNotWritable
from data.store.files import Store
from data.store.publication import current_version, publish_version
from data.store.published_style import download_version

FILES = {"adapter.safetensors": b"weights", "card.json": b"{}"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/store")


def test_a_published_version_comes_back_whole(store: Store, tmp_path: Path) -> None:
    published = publish_version(store, "ink", FILES)
    assert current_version(store, "ink") == published
    for uri in (published.uri, f"{store.uri}/styles/ink"):
        download_version(uri, tmp_path / "copy")
        assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == FILES


def test_the_same_files_are_published_once(store: Store) -> None:
    first = publish_version(store, "ink", FILES)
    before = store.list("styles")
    with patch.object(Store, "replace", side_effect=AssertionError("the pointer was written again")):
        assert publish_version(store, "ink", FILES) == first
    assert store.list("styles") == before


def test_a_new_version_leaves_the_old_one(store: Store) -> None:
    old = publish_version(store, "ink", FILES)
    new = publish_version(store, "ink", {**FILES, "card.json": b'{"a": 1}'})
    assert current_version(store, "ink") == new != old
    assert store.read(f"styles/ink/versions/{old.version}/card.json") == b"{}"


def test_a_failure_half_way_leaves_the_current_version_and_can_be_repeated(store: Store) -> None:
    old = publish_version(store, "ink", FILES)
    real_write = Store.write_same

    def fail_at_card(self: Store, key: str, content: bytes) -> object:
        if key.endswith("card.json"):
            raise StoreNotWritable("full")
        return real_write(self, key, content)

    with patch.object(Store, "write_same", fail_at_card), pytest.raises(StoreNotWritable):
        publish_version(store, "ink", {"adapter.safetensors": b"new", "card.json": b"{}"})
    assert current_version(store, "ink") == old
    assert (
        current_version(store, "ink")
        != publish_version(store, "ink", {"adapter.safetensors": b"new", "card.json": b"{}"})
        != old
    )


def test_what_was_never_published_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotInStore, match="expected a published adapter at .*styles/ink"):
        download_version(f"{store.uri}/styles/ink", tmp_path / "copy")
    with pytest.raises(NotInStore):
        current_version(store, "ink")


def test_changed_files_are_refused(store: Store, tmp_path: Path) -> None:
    published = publish_version(store, "ink", FILES)
    folder = f"styles/ink/versions/{published.version}"
    store.replace(f"{folder}/adapter.safetensors", b"other")
    with pytest.raises(StoreCorrupted, match=r"adapter\.safetensors, got other bytes"):
        download_version(published.uri, tmp_path / "copy")
    store.replace(f"{folder}/manifest.json", json.dumps({"../../outside": "0"}).encode())
    with pytest.raises(StoreCorrupted, match="expected the manifest of"):
        download_version(published.uri, tmp_path / "copy")
