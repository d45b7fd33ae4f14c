"""Publishing: a version of an adapter with its evidence, whole or not at all, and once; and taking it back.

    styles/NAME/versions/VERSION/…                the files, as docs/versions.md lists them
    styles/NAME/versions/VERSION/manifest.json    their digests, written after them
    styles/NAME/versions/VERSION/signatures/      of the manifest, if there is a key (`data.store.signatures`)
    styles/NAME/current.json                      names the current version, written last (`data.store.pointer`)

VERSION is the digest of the manifest: the same files are the same version, wherever and whenever
they are published. A reader who follows `current.json` never sees half a version.

Versions of a style may be published in another order than their runs were started: a run waited for a reviewer, or
was tried again. The one whose run was started later becomes current, whoever is last. Going back is a command
(`roll_back`), which counts as started when it is given.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from data.errors import NotInStore, SpecError, StyleWithdrawn
from data.keys import signing_key
from data.records.onboarding import PublishedAdapter
from data.records.version import Move, Pointer, RemovedFile, Withdrawal
from data.store.files import Store
from data.store.pointer import move_pointer, read_pointer, refuse_withdrawn, style_folder
from data.store.published_style import MANIFEST, check_version
from data.store.signatures import sign_manifest

_WEIGHTS = ".safetensors"


def publish_version(
    store: Store, name: str, files: Mapping[str, bytes], *, asked_at: datetime, by: str
) -> PublishedAdapter:
    """Write `files` as a version of `name`, and make it the current one unless that was asked for later.

    It is signed if $STYLEDROP_SIGNING_KEY names a key. Publishing the same files again changes nothing.

    Args:
        store: Where the styles are.
        name: Of the style.
        files: The version's files by path.
        asked_at: When the run was started that made them.
        by: Which run that was.

    Raises:
        StyleWithdrawn: if the style was taken back; no weights of it stay in the store.
        KeyUnusable: if the key to sign with cannot be read; nothing is written.
        StoreNotWritable: if the store refuses; the current version stays what it was.
    """
    style, key = style_folder(store, name), signing_key()
    refuse_withdrawn(style, read_pointer(style))
    manifest = _canonical_json({path: hashlib.sha256(content).hexdigest() for path, content in files.items()})
    digest = hashlib.sha256(manifest).hexdigest()
    version = digest[:16]
    folder = f"versions/{version}"
    for path, content in files.items():
        style.write_same(f"{folder}/{path}", content)
    style.write_same(f"{folder}/{MANIFEST}", manifest)
    if key is not None:
        sign_manifest(Store(f"{style.uri}/{folder}"), manifest, key)

    def move(pointer: Pointer) -> Pointer:
        refuse_withdrawn(style, pointer)
        if version in pointer.versions:
            return pointer
        is_late = any(asked_at <= earlier.asked_at for earlier in pointer.history)
        made = Move(
            action="published late" if is_late else "published",
            version=version,
            manifest_sha256=digest,
            asked_at=asked_at,
            at=datetime.now(UTC),
            by=by,
        )
        history = (*pointer.history, made)
        if is_late:
            return pointer.model_copy(update={"history": history})
        return Pointer(version=version, manifest_sha256=digest, history=history)

    try:
        move_pointer(style, move)
    except StyleWithdrawn:  # meanwhile
        _remove_weights(style, folder)
        raise
    return PublishedAdapter(name=name, version=version, uri=f"{style.uri}/{folder}", manifest_sha256=digest)


def current_version(store: Store, name: str) -> PublishedAdapter:
    """The version that `current.json` names.

    Raises:
        NotInStore: if nothing was published under `name`.
        StyleWithdrawn: if the style was taken back.
    """
    style = style_folder(store, name)
    pointer = read_pointer(style)
    refuse_withdrawn(style, pointer)
    if pointer is None or pointer.version is None or pointer.manifest_sha256 is None:
        raise NotInStore(f"expected a published adapter at {style.uri}, got none; check the address")
    return PublishedAdapter(
        name=name,
        version=pointer.version,
        uri=f"{style.uri}/versions/{pointer.version}",
        manifest_sha256=pointer.manifest_sha256,
    )


def roll_back(style: Store, version: str | None, *, by: str, reason: str) -> Pointer:
    """Make another version of the style in the folder `style` current: `version`, or the one that was so before.

    No run that was started before now replaces it.

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
        StoreCorrupted: if a file of it is not the one that was published.
        SpecError: if it is current already, or no other one ever was.
    """
    asked_at = datetime.now(UTC)

    def move(pointer: Pointer) -> Pointer:
        refuse_withdrawn(style, pointer)
        if pointer.version is None:
            raise NotInStore(f"expected a published style at {style.uri}, got none; check the address")
        wanted = version or pointer.previous
        if wanted is None or wanted == pointer.version:
            raise SpecError(
                f"expected another version than the current one, {pointer.version}, got {wanted or 'none before it'}; "
                f"name one of {list(pointer.versions)}"
            )
        digest = check_version(f"{style.uri}/versions/{wanted}")
        made = Move(
            action="rolled back",
            version=wanted,
            manifest_sha256=digest,
            asked_at=asked_at,
            at=datetime.now(UTC),
            by=by,
            reason=reason,
        )
        return Pointer(version=wanted, manifest_sha256=digest, history=(*pointer.history, made))

    return move_pointer(style, move)


def withdraw(store: Store, name: str, *, by: str, reason: str) -> Withdrawal:
    """Take the style `name` back for good: leave a tombstone, then remove its adapters from all versions and runs.

    From the tombstone on nothing is drawn with it, scored or published. Done again, it removes what a run that was
    under way has written since; the first tombstone stays.

    Raises:
        NotInStore: if nothing was published under `name`.
        StoreNotWritable: if the store refuses; what is left is removed by doing it again.
    """
    style = style_folder(store, name)
    tombstone = Withdrawal(by=by, at=datetime.now(UTC), reason=reason)

    def bury(pointer: Pointer) -> Pointer:
        if not pointer.history:
            raise NotInStore(f"expected a published style at {style.uri}, got none; check the address")
        withdrawn = pointer.withdrawn or tombstone
        return Pointer(version=None, manifest_sha256=None, history=pointer.history, withdrawn=withdrawn)

    move_pointer(style, bury)
    keys = [*_remove_weights(store, f"styles/{name}"), *_remove_weights(store, f"runs/{name}")]
    removed = tuple(RemovedFile(key=key, at=datetime.now(UTC)) for key in keys)

    def record(pointer: Pointer) -> Pointer:
        assert pointer.withdrawn is not None  # a tombstone stays
        withdrawn = pointer.withdrawn.model_copy(update={"removed": (*pointer.withdrawn.removed, *removed)})
        return pointer.model_copy(update={"withdrawn": withdrawn})

    withdrawn = move_pointer(style, record).withdrawn
    assert withdrawn is not None
    return withdrawn


def _remove_weights(store: Store, folder: str) -> list[str]:
    keys = [key for key in store.list(folder) if key.endswith(_WEIGHTS)]
    for key in keys:
        store.remove(key)
    return keys


def _canonical_json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, indent=2).encode() + b"\n"
