"""Fetching the npm packages."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from data.corpus.packages import PACKAGES, fetch_packages
from data.errors import CorpusError


def test_fetch_without_npm_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CorpusError, match=r"npm is needed to fetch @iconify/json@2.2.535"):
        fetch_packages(tmp_path / "fresh")


FILES = ("package.json", "a.json", "b.json")


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An npm that packs `archive`, and counts how often."""
    state: dict[str, Any] = {
        "archive": packed({"package.json": b"{}", "a.json": bytes(5000), "b.json": b"[]"}),
        "asked": 0,
    }

    def run(command: list[str], *, cwd: str, **_: object) -> subprocess.CompletedProcess[str]:
        state["asked"] += 1
        (Path(cwd) / "package.tgz").write_bytes(state["archive"])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("data.corpus.packages.subprocess.run", run)
    return state


def test_a_package_that_was_half_unpacked_or_is_of_another_version_is_fetched_anew(
    npm: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = npm["archive"]
    npm["archive"] = whole[: len(whole) // 2]
    with pytest.raises(CorpusError, match="cannot be unpacked: .*; try again"):
        fetch_packages(tmp_path)
    npm["archive"] = whole

    def killed(self: tarfile.TarFile, path: str, **_: object) -> None:
        self.extract("package/package.json", path, filter="data")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(tarfile.TarFile, "extractall", killed)
        fetch_packages(tmp_path)
    assert not list(tmp_path.rglob("package.json"))
    (tmp_path / "iconify").mkdir(exist_ok=True)
    (tmp_path / "iconify" / "leftover.tgz").write_bytes(b"cut")  # of an earlier release

    npm["asked"] = 0
    fetch_packages(tmp_path)
    fetch_packages(tmp_path)
    assert npm["asked"] == len(PACKAGES)
    for folder in PACKAGES:
        assert sorted(path.name for path in (tmp_path / folder / "package").iterdir()) == [
            "a.json",
            "b.json",
            "package.json",
        ]

    (tmp_path / "iconify/package/package.json").write_text(json.dumps({"version": "0.0.1"}))
    (tmp_path / "fluent/package/package.json").write_text("{")
    fetch_packages(tmp_path)
    assert npm["asked"] == len(PACKAGES) + 2
