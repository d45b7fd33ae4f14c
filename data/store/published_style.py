"""A published version of a style, read: every file checked against the manifest (`data.store.publication`).

A version is opened by its own `version.json`. Versions of layout 1 had none: it is put together from their card and the
settings that they were made with, and their references lie where the run that made them put them.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data.documents.spec import SamplingSettings
from data.errors import NotInStore, StoreCorrupted, StoreError
from data.records.onboarding import Example
from data.records.record import Blob, Record
from data.records.version import VERSION_LAYOUT, VersionDocument, VersionReference, VersionScores
from data.store.candidates import Candidate, from_parquet
from data.store.files import Store, read_blob
from data.store.pointer import read_pointer, refuse_withdrawn

ADAPTER_FILES = ("adapter.safetensors", "card.json")
"""Of an adapter of layout 1, and of every adapter that the pipeline tunes."""

SUPER_RESOLUTION_FOLDER = "super_resolution/"
"""Folder of super-resolution's adapter."""

DOCUMENT = "version.json"


class PublishedStyle(Record):
    """A published version, opened."""

    version: str
    uri: str
    document: VersionDocument
    adapter: dict[str, Blob]
    """The adapter's files by name."""
    enlarging: dict[str, Blob]
    """Super-resolution's adapter; empty if the base had none."""
    references: tuple[Blob, ...]
    """Square PNGs."""

    def lambda_a(self, asked: SamplingSettings) -> float:
        """How far its images are drawn towards the style: as `asked`, or else by the style's own λ_A."""
        return self.document.lambda_a if asked.lambda_a is None else asked.lambda_a


def read_version(uri: str) -> PublishedStyle:
    """What is needed to use the published version at `uri` (as `download_version` takes it).

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
        StoreCorrupted: if a file is not the one that was published.
    """
    store, manifest = _open_version(uri)
    document = _document(store, manifest)

    def blob(path: str) -> Blob:
        content = _read_file(store, manifest, path)
        return Blob(uri=store.uri_of(path), sha256=manifest[path], size_bytes=len(content))

    return PublishedStyle(
        version=store.uri.rpartition("/")[2],
        uri=store.uri,
        document=document,
        adapter={path: blob(path) for path in document.adapter},
        enlarging={path.removeprefix(SUPER_RESOLUTION_FOLDER): blob(path) for path in document.enlarging},
        references=tuple(blob(reference.image) for reference in document.references)
        if DOCUMENT in manifest
        else tuple(Example.model_validate(one).image for one in _read_json(store, manifest, "references.json")),
    )


def read_document(uri: str) -> VersionDocument:
    """What the published version at `uri` says of itself; raises what `read_version` does."""
    return _document(*_open_version(uri))


def read_settings(uri: str) -> dict[str, Any]:
    """The spec that the version at `uri` was made from, without addresses; raises what `read_version` does."""
    return without_addresses(_read_json(*_open_version(uri), "spec.json"))


def read_samples(uri: str) -> tuple[list[Candidate], list[Candidate]]:
    """All evaluation images of the version at `uri`: the untuned base's, and the style's; raises as `read_version`."""
    store, manifest = _open_version(uri)
    rounds = _read_json(store, manifest, "evaluation.json")["rounds"]

    def samples(of_round: Mapping[str, Any]) -> list[Candidate]:
        blob = Blob.model_validate(of_round["samples"])
        is_in_run = "://" in blob.uri  # layout 1
        return from_parquet(read_blob(blob) if is_in_run else _read_file(store, manifest, blob.uri))

    return samples(rounds[0]), samples(rounds[-1])


def without_addresses(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec (as JSON) asks for, wherever its store, its base and its images lie."""
    references = [{key: value for key, value in one.items() if key != "uri"} for one in spec["references"]]
    kept = {key: value for key, value in spec.items() if key not in ("store", "base")}
    return {**kept, "references": references}


def download_version(uri: str, folder: Path) -> None:
    """Copy a published version into `folder`, every file checked against the manifest.

    `uri` is a version (`…/styles/NAME/versions/VERSION`) or a style (`…/styles/NAME`: its current version).

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
        StoreCorrupted: if a file is not the one that was published.
    """
    store, manifest = _open_version(uri)
    for path in manifest:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_read_file(store, manifest, path))


def check_version(uri: str) -> str:
    """Read every file of the version at `uri` and give its manifest's digest; raises what `download_version` does."""
    store, manifest = _open_version(uri)
    for path in manifest:
        _read_file(store, manifest, path)
    return hashlib.sha256(store.read("manifest.json")).hexdigest()


def _open_version(uri: str) -> tuple[Store, dict[str, str]]:
    store = Store(uri)
    folder, is_of_a_style, _ = store.uri.rpartition("/versions/")
    if is_of_a_style:
        style = Store(folder)
        refuse_withdrawn(style, read_pointer(style))
    elif not store.exists("manifest.json"):
        pointer = read_pointer(store)
        if pointer is None:
            raise NotInStore(f"expected a published adapter at {uri}, got none; check the address")
        refuse_withdrawn(store, pointer)
        store = Store(f"{store.uri}/versions/{pointer.version}")
    if not store.exists("manifest.json"):
        raise NotInStore(f"expected a published adapter at {store.uri}, got none; check the address")
    manifest = store.read("manifest.json")
    digest = hashlib.sha256(manifest).hexdigest()
    if digest[:16] != store.uri.rpartition("/")[2]:
        raise StoreCorrupted(f"expected the manifest of {store.uri}, got that of {digest[:16]}; publish it again")
    return store, json.loads(manifest)


def _document(store: Store, manifest: Mapping[str, str]) -> VersionDocument:
    try:
        if DOCUMENT not in manifest:
            return _document_of_layout_1(store, manifest)
        document = _read_json(store, manifest, DOCUMENT)
        if document["layout"] > VERSION_LAYOUT:
            raise StoreError(
                f"expected a version of layout {VERSION_LAYOUT} at most at {store.uri}, got {document['layout']}: "
                "a later release published it; update this one"
            )
        return VersionDocument.model_validate(document)
    except (ValueError, KeyError, TypeError, IndexError, ValidationError) as error:
        raise StoreCorrupted(
            f"expected a published version at {store.uri}, got one that cannot be read: {error}; publish it again"
        ) from error


def _document_of_layout_1(store: Store, manifest: Mapping[str, str]) -> VersionDocument:
    card, spec, evaluation = (_read_json(store, manifest, f"{name}.json") for name in ("card", "spec", "evaluation"))
    examples = _read_json(store, manifest, "references.json")
    base, last = evaluation["rounds"][0], evaluation["rounds"][-1]
    has_enlarging = f"{SUPER_RESOLUTION_FOLDER}card.json" in manifest
    return VersionDocument(
        layout=1,
        name=card["name"],
        created=card["created"],
        base_name=card["base_name"],
        base_sha256=card["base_sha256"],
        style_phrase=card["references"][0]["style_phrase"],
        references=tuple(
            VersionReference(
                content_phrase=reference["content_phrase"],
                style_phrase=reference["style_phrase"],
                source_sha256=reference["sha256"],
                prompt=example["prompt"],
                image="",
            )
            for reference, example in zip(card["references"], examples, strict=True)
        ),
        tuned_on=(*(reference["content_phrase"] for reference in card["references"]), *spec["prompts"]),
        rounds=len(card["rounds"]),
        lambda_a=card["guidance"]["lambda_a"],
        adapter=ADAPTER_FILES,
        enlarging=tuple(f"{SUPER_RESOLUTION_FOLDER}{name}" for name in ADAPTER_FILES) if has_enlarging else (),
        before=VersionScores.model_validate(base),
        after=VersionScores.model_validate(last),
    )


def _read_json(store: Store, manifest: Mapping[str, str], path: str) -> Any:
    return json.loads(_read_file(store, manifest, path))


def _read_file(store: Store, manifest: Mapping[str, str], path: str) -> bytes:
    if path not in manifest:
        raise NotInStore(f"expected {path} in the version {store.uri}, got none; publish the style again")
    content = store.read(path)
    if hashlib.sha256(content).hexdigest() != manifest[path]:
        raise StoreCorrupted(f"expected {manifest[path][:12]} at {store.uri}/{path}, got other bytes; publish it again")
    return content
