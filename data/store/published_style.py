"""A published version of a style, read: every file checked against the manifest (`data.store.publication`)."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from data.documents.spec import SamplingSettings, StyleSpec, parse_spec
from data.errors import NotInStore, StoreCorrupted
from data.records.onboarding import Example
from data.records.record import Blob, Record
from data.store.files import Store

ADAPTER_FILES = ("adapter.safetensors", "card.json")

SUPER_RESOLUTION_FOLDER = "super_resolution/"
"""Folder of super-resolution's adapter."""


class PublishedStyle(Record):
    """A published version, opened: its adapter, and the onboarding it comes from."""

    version: str
    uri: str
    adapter: dict[str, Blob]
    enlarging: dict[str, Blob]
    """Super-resolution's adapter; empty if the base had none."""
    rounds: int
    lambda_a: float
    """What was chosen for the style."""
    spec: StyleSpec
    references: tuple[Example, ...]
    """In the store of the onboarding; images are no part of the published version."""

    def sampling(self, asked: SamplingSettings) -> SamplingSettings:
        """How its images are drawn: as `asked`, with the style's own λ_A if none was asked for."""
        return asked if asked.lambda_a is not None else asked.model_copy(update={"lambda_a": self.lambda_a})


def read_version(uri: str) -> PublishedStyle:
    """What is needed to use the published version at `uri` (as `download_version` takes it).

    Raises:
        NotInStore: if there is no such version.
        StoreCorrupted: if a file is not the one that was published.
    """
    store, manifest = _open_version(uri)

    def blobs(folder: str) -> dict[str, Blob]:
        return {
            name: Blob(
                uri=f"{store.uri}/{folder}{name}",
                sha256=manifest[folder + name],
                size_bytes=len(_read_file(store, manifest, folder + name)),
            )
            for name in ADAPTER_FILES
        }

    references = json.loads(_read_file(store, manifest, "references.json"))
    card = json.loads(_read_file(store, manifest, "card.json"))
    return PublishedStyle(
        version=store.uri.rpartition("/")[2],
        uri=store.uri,
        adapter=blobs(""),
        enlarging=blobs(SUPER_RESOLUTION_FOLDER) if f"{SUPER_RESOLUTION_FOLDER}card.json" in manifest else {},
        rounds=len(card["rounds"]),
        lambda_a=card["guidance"]["lambda_a"],
        spec=parse_spec(json.loads(_read_file(store, manifest, "spec.json"))),
        references=tuple(Example.model_validate(example) for example in references),
    )


def download_version(uri: str, folder: Path) -> None:
    """Copy a published version into `folder`, every file checked against the manifest.

    `uri` is a version (`…/styles/NAME/versions/VERSION`) or a style (`…/styles/NAME`: its current version).

    Raises:
        NotInStore: if there is no such version.
        StoreCorrupted: if a file is not the one that was published.
    """
    store, manifest = _open_version(uri)
    for path in manifest:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_read_file(store, manifest, path))


def _open_version(uri: str) -> tuple[Store, dict[str, str]]:
    store = Store(uri)
    if not store.exists("manifest.json"):
        if not store.exists("current.json"):
            raise NotInStore(f"expected a published adapter at {uri}, got none; check the address")
        version = json.loads(store.read("current.json"))["version"]
        store = Store(f"{store.uri}/versions/{version}")
    manifest = store.read("manifest.json")
    digest = hashlib.sha256(manifest).hexdigest()
    if digest[:16] != store.uri.rpartition("/")[2]:
        raise StoreCorrupted(f"expected the manifest of {store.uri}, got that of {digest[:16]}; publish it again")
    return store, json.loads(manifest)


def _read_file(store: Store, manifest: Mapping[str, str], path: str) -> bytes:
    if path not in manifest:
        raise NotInStore(f"expected {path} in the version {store.uri}, got none; publish the style again")
    content = store.read(path)
    if hashlib.sha256(content).hexdigest() != manifest[path]:
        raise StoreCorrupted(f"expected {manifest[path][:12]} at {store.uri}/{path}, got other bytes; publish it again")
    return content
