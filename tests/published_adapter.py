"""A published version, and its adapter, as somebody uses it who has copied the version's folder."""

import tempfile
from pathlib import Path

import styledrop
from data.store.published_style import find_version, read_file, read_manifest
from tasks.models import open_base


def download_version(uri: str, folder: Path) -> None:
    """Copy the files of the version at `uri`, or of a style's current version, into `folder`, each checked."""
    store = find_version(uri)
    _, manifest = read_manifest(store)
    for path in manifest:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(read_file(store, manifest, path))


def load_published(uri: str, base_name: str = "embedded") -> styledrop.Tuned:
    """The adapter of the version at `uri`, or of a style's current version."""
    with tempfile.TemporaryDirectory() as folder:
        download_version(uri, Path(folder))
        return styledrop.load_adapter(Path(folder), open_base(base_name))
