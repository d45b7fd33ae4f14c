"""Bases, adapters and scorers, loaded once per process."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch

import styledrop
from data.errors import SpecError
from data.records.record import Blob
from data.store.files import read_blob
from data.store.published_style import download_version


@lru_cache(maxsize=1)
def open_base(name: str) -> styledrop.Base:
    """The base `name` ("embedded" or a folder), on $STYLEDROP_DEVICE or else the accelerator if there is one.

    Raises:
        SpecError: if there is no such base, or it cannot be used.
    """
    device = os.environ.get("STYLEDROP_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return styledrop.load_base(name, device=device)
    except styledrop.StyleDropError as error:
        raise SpecError(f"the base {name!r} cannot be used: {error}") from error


@lru_cache(maxsize=1)
def open_scorer(base_name: str) -> styledrop.ClipScorer:
    """The CLIP scorer that lies beside the base `base_name`."""
    base = open_base(base_name)
    return styledrop.ClipScorer(_clip_folder(base), device=base.device)


def scorer_sha256(base: styledrop.Base) -> str:
    """Digest of the base's scorer, which the base's own digest leaves out.

    Raises:
        SpecError: if it has none.
    """
    digest = hashlib.sha256()
    for path in sorted(_clip_folder(base).iterdir()):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def open_adapter(files: Mapping[str, Blob], base: styledrop.Base) -> styledrop.Tuned:
    """The adapter whose `files`, by name, lie in a store.

    Raises:
        SpecError: if it was tuned on another base.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, blob in files.items():
            (Path(folder) / name).write_bytes(read_blob(blob))
        try:
            return styledrop.load_adapter(Path(folder), base)
        except styledrop.IncompatibleBase as error:
            raise SpecError(str(error)) from error


def load_published(uri: str, base_name: str = "embedded") -> styledrop.Tuned:
    """The published adapter at `uri` (a version, or a style for its current version), ready for `styledrop.sample`.

    Raises:
        NotInStore: if nothing is published there.
        StoreCorrupted: if a file is not the one that was published.
    """
    with tempfile.TemporaryDirectory() as folder:
        download_version(uri, Path(folder))
        return styledrop.load_adapter(Path(folder), open_base(base_name))


def _clip_folder(base: styledrop.Base) -> Path:
    if base.clip_folder is None:
        raise SpecError(
            f"expected a scorer (an open_clip folder) in {base.folder}/clip, got none; add one, or name another base"
        )
    return base.clip_folder
