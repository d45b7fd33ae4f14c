"""Publishing: a version of an adapter with its evidence, whole or not at all, and once.

    styles/NAME/versions/VERSION/…                the files; those of super-resolution's adapter in super_resolution/
    styles/NAME/versions/VERSION/manifest.json    their digests, written after them
    styles/NAME/current.json                      names the current version, written last

VERSION is the digest of the manifest: the same files are the same version, wherever and whenever
they are published. A reader who follows `current.json` never sees half a version.
"""

import hashlib
import json
from collections.abc import Mapping

from data.records.onboarding import PublishedAdapter
from data.store.files import Store


def publish_version(store: Store, name: str, files: Mapping[str, bytes]) -> PublishedAdapter:
    """Write `files` as a version of `name`, then make it the current one.

    Publishing the same files again changes nothing.

    Raises:
        StoreNotWritable: if the store refuses; the current version stays what it was.
    """
    manifest = _canonical_json({path: hashlib.sha256(content).hexdigest() for path, content in files.items()})
    digest = hashlib.sha256(manifest).hexdigest()
    version = digest[:16]
    folder = f"styles/{name}/versions/{version}"
    for path, content in files.items():
        store.write_same(f"{folder}/{path}", content)
    store.write_same(f"{folder}/manifest.json", manifest)

    current = f"styles/{name}/current.json"
    pointer = _canonical_json({"version": version, "manifest_sha256": digest})
    if not store.exists(current) or store.read(current) != pointer:
        store.replace(current, pointer)
    return PublishedAdapter(name=name, version=version, uri=f"{store.uri}/{folder}", manifest_sha256=digest)


def current_version(store: Store, name: str) -> PublishedAdapter:
    """The version that `current.json` names.

    Raises:
        NotInStore: if nothing was published under `name`.
    """
    pointer = json.loads(store.read(f"styles/{name}/current.json"))
    version = pointer["version"]
    return PublishedAdapter(
        name=name,
        version=version,
        uri=f"{store.uri}/styles/{name}/versions/{version}",
        manifest_sha256=pointer["manifest_sha256"],
    )


def _canonical_json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, indent=2).encode() + b"\n"
