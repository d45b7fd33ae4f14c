"""The three npm packages that the corpus is made from: fetched once, at pinned versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from data.errors import CorpusError

PACKAGES = {
    "iconify": ("@iconify/json", "2.2.535"),
    "fluent": ("@lobehub/fluent-emoji-3d", "1.1.0"),
    "emojibase": ("emojibase-data", "17.0.0"),
}
"""Folder name -> (npm name, pinned version)."""


def fetch_packages(folder: str | Path) -> None:
    """Fetch the three pinned npm packages into `folder`/{iconify,fluent,emojibase}/package (about 125 MB).

    What is there already is not fetched again. A package appears in one rename, once it is whole, so one that was half
    unpacked when the process ended is fetched anew; so is one of another version.

    Raises:
        CorpusError: if npm is not installed, or a package cannot be fetched.
    """
    folder = Path(folder)
    for directory, (name, version) in PACKAGES.items():
        target = folder / directory
        if _is_there(target / "package", version):
            continue
        if shutil.which("npm") is None:
            raise CorpusError(f"npm is needed to fetch {name}@{version}, but is not on PATH; install Node.js with npm")
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".unfinished-") as unfinished:
            packed = subprocess.run(
                ["npm", "pack", f"{name}@{version}", "--json"],
                cwd=unfinished, capture_output=True, text=True, check=False,
            )  # fmt: skip
            archives = sorted(Path(unfinished).glob("*.tgz"))
            if packed.returncode or not archives:
                raise CorpusError(f"npm could not fetch {name}@{version} into {target}: {packed.stderr.strip()[-400:]}")
            try:
                with tarfile.open(archives[-1]) as archive:
                    archive.extractall(unfinished, filter="data")
            except Exception as error:  # tarfile's, zlib's, the disk's
                raise CorpusError(f"the archive of {name}@{version} cannot be unpacked: {error}; try again") from error
            shutil.rmtree(target / "package", ignore_errors=True)
            os.replace(Path(unfinished) / "package", target / "package")


def _is_there(package: Path, version: str) -> bool:
    try:
        described = json.loads((package / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(described, dict) and described.get("version", version) == version


def read_json(path: Path) -> Any:
    """What a JSON file of the packages holds.

    Raises:
        CorpusError: if the file is not there.
    """
    if not path.is_file():
        raise CorpusError(f"{path} is missing; fetch the packages first with fetch_packages")
    return json.loads(path.read_text(encoding="utf-8"))
