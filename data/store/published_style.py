"""A published version of a style, read: every file checked against the manifest (`data.store.publication`).

A version is opened by its own `version.json`.

With $STYLEDROP_TRUSTED_KEYS, no version is opened that none of these keys has signed (`data.store.signatures`).
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from data.documents.of_base import SamplingSettings
from data.errors import NotInStore, StoreCorrupted
from data.keys import trusted_keys
from data.parsing import Model, parse_record
from data.records.feedback import FeedbackRecord
from data.records.onboarding import SaidPhrase, SaidPhrases
from data.records.record import Blob, Record
from data.records.version import Manifest, VersionDocument
from data.store.candidates import Candidate, from_parquet
from data.store.files import Store
from data.store.pointer import read_pointer, refuse_withdrawn
from data.store.signatures import read_signers, refuse_untrusted

SUPER_RESOLUTION_FOLDER = "super_resolution/"
"""Folder of super-resolution's adapter."""

DOCUMENT = "version.json"
MANIFEST = "manifest.json"
PHRASES = "phrases.json"
"""In a version whose spec left phrases out: what was proposed for each, and what a person said."""
OLD_AND_NEW = "old_and_new.png"
"""In a version that was made anew on another base: the older one beside it."""


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
    large_references: tuple[Blob, ...]
    """The same at super-resolution's size; empty if the base had none."""

    def lambda_a(self, asked: SamplingSettings) -> float:
        """How far its images are drawn towards the style: as `asked`, or else by the style's own λ_A."""
        return self.document.lambda_a if asked.lambda_a is None else asked.lambda_a


def read_version(uri: str) -> PublishedStyle:
    """What is needed to use a published version.

    `uri` is a version (`…/styles/NAME/versions/VERSION`) or a style (`…/styles/NAME`: its current version).

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
        StoreCorrupted: if a file is not the one that was published.
        SignatureRefused: if some keys are trusted and none of them has signed it.
    """
    store, manifest = _open_version(uri)
    document = document_of(store, manifest)

    def blob(path: str) -> Blob:
        content = read_file(store, manifest, path)
        return Blob(uri=store.uri_of(path), sha256=manifest[path], size_bytes=len(content))

    return PublishedStyle(
        version=store.uri.rpartition("/")[2],
        uri=store.uri,
        document=document,
        adapter={path: blob(path) for path in document.adapter},
        enlarging={path.removeprefix(SUPER_RESOLUTION_FOLDER): blob(path) for path in document.enlarging},
        references=tuple(blob(one.image) for one in document.references),
        large_references=tuple(blob(one.large_image) for one in document.references if one.large_image),
    )


def read_document(uri: str) -> VersionDocument:
    """What the published version at `uri` says of itself; raises what `read_version` does."""
    return document_of(*_open_version(uri))


def read_references(uri: str) -> list[bytes]:
    """The references of the version at `uri`, as PNGs; raises what `read_version` does."""
    store, manifest = _open_version(uri)
    return [read_file(store, manifest, one.image) for one in document_of(store, manifest).references]


def read_settings(uri: str) -> dict[str, Any]:
    """The spec that the version at `uri` was made from, without addresses; raises what `read_version` does."""
    return without_addresses(read_json(*_open_version(uri), "spec.json"))


def read_samples(uri: str) -> tuple[list[Candidate], list[Candidate]]:
    """All evaluation images of the version at `uri`: the untuned base's, and the style's; raises as `read_version`."""
    store, manifest = _open_version(uri)
    rounds = read_json(store, manifest, "evaluation.json")["rounds"]

    def samples(of_round: Mapping[str, Any]) -> list[Candidate]:
        return from_parquet(read_file(store, manifest, of_round["samples"]["uri"]))

    return samples(rounds[0]), samples(rounds[-1])


def read_feedback(uri: str) -> list[FeedbackRecord]:
    """What was kept of each round of the version at `uri`, and by whom; raises what `read_version` does."""
    store, manifest = _open_version(uri)
    found: list[FeedbackRecord] = []
    while (path := f"feedback/round-{len(found) + 1}.json") in manifest:
        given = _read_record(store, manifest, path, FeedbackRecord)
        table = given.table.model_copy(update={"uri": store.uri_of(given.table.uri)})
        found.append(given.model_copy(update={"table": table}))
    return found


def read_phrases(uri: str) -> tuple[SaidPhrase, ...]:
    """What became of the phrases that the version at `uri` was asked for without; raises what `read_version` does."""
    store, manifest = _open_version(uri)
    return _read_record(store, manifest, PHRASES, SaidPhrases).root if PHRASES in manifest else ()


def without_addresses(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec (as JSON) asks for, wherever its store, its base, its scorer and its images lie."""
    references = [{key: value for key, value in one.items() if key != "uri"} for one in spec["references"]]
    kept = {key: value for key, value in spec.items() if key not in ("store", "base", "scorer", "rebuilds")}
    return {**kept, "references": references}


def check_version(uri: str) -> str:
    """Read every file of the version at `uri` and give its manifest's digest; raises what `read_version` does."""
    store, manifest = _open_version(uri)
    for path in manifest:
        read_file(store, manifest, path)
    return hashlib.sha256(store.read(MANIFEST)).hexdigest()


def find_version(uri: str) -> Store:
    """The folder of the version at `uri` (as `read_version` takes it); nothing in it is checked yet.

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
    """
    store = Store(uri)
    folder, is_of_a_style, _ = store.uri.rpartition("/versions/")
    if is_of_a_style:
        style = Store(folder)
        refuse_withdrawn(style, read_pointer(style))
    elif not store.exists(MANIFEST):
        pointer = read_pointer(store)
        if pointer is None:
            raise NotInStore(f"expected a published adapter at {uri}, got none; check the address")
        refuse_withdrawn(store, pointer)
        store = Store(f"{store.uri}/versions/{pointer.version}")
    if not store.exists(MANIFEST):
        raise NotInStore(f"expected a published adapter at {store.uri}, got none; check the address")
    return store


def read_manifest(store: Store) -> tuple[bytes, dict[str, str]]:
    """The manifest of the version in the folder `store`, as bytes and as digests by path.

    Raises:
        StoreCorrupted: if it is not the one that the version is named by, or none: it may come from anybody.
    """
    content = store.read(MANIFEST)
    digest = hashlib.sha256(content).hexdigest()
    if digest[:16] != store.uri.rpartition("/")[2]:
        raise StoreCorrupted(f"expected the manifest of {store.uri}, got that of {digest[:16]}; publish it again")
    return content, parse_record(content, Manifest, f"{store.uri}/{MANIFEST}", "do not use it").root


def refuse_other_name(store: Store, document: VersionDocument) -> None:
    """Go no further with a version that lies among those of another style.

    Raises:
        StoreCorrupted: with both names.
    """
    style, is_of_a_style, _ = store.uri.rpartition("/versions/")
    name = style.rpartition("/")[2]
    if is_of_a_style and name != document.name:
        raise StoreCorrupted(
            f"expected a version of the style {name!r} at {store.uri}, got one of {document.name!r}; "
            "it was put there by hand: take it from where it was published"
        )


def _open_version(uri: str) -> tuple[Store, dict[str, str]]:
    trusted = trusted_keys()
    store = find_version(uri)
    content, manifest = read_manifest(store)
    if trusted is not None:
        refuse_untrusted(store, read_signers(store, content), trusted)
        refuse_other_name(store, document_of(store, manifest))
    return store, manifest


def document_of(store: Store, manifest: Mapping[str, str]) -> VersionDocument:
    """What the version in the folder `store` says of itself; raises what `read_version` does."""
    return _read_record(store, manifest, DOCUMENT, VersionDocument)


def _read_record(store: Store, manifest: Mapping[str, str], path: str, kind: type[Model]) -> Model:
    return parse_record(read_file(store, manifest, path), kind, f"{store.uri}/{path}", "publish it again")


def read_json(store: Store, manifest: Mapping[str, str], path: str) -> Any:
    """What the JSON file `path` of a version holds; raises what `read_file` does."""
    return from_json(read_file(store, manifest, path))


def read_file(store: Store, manifest: Mapping[str, str], path: str) -> bytes:
    """The file `path` of the version in the folder `store`.

    Raises:
        NotInStore: if the manifest names no such file, or it is gone.
        StoreCorrupted: if it is not the one that was published.
    """
    if path not in manifest:
        raise NotInStore(f"expected {path} in the version {store.uri}, got none; publish the style again")
    content = store.read(path)
    if hashlib.sha256(content).hexdigest() != manifest[path]:
        raise StoreCorrupted(f"expected {manifest[path][:12]} at {store.uri}/{path}, got other bytes; publish it again")
    return content
