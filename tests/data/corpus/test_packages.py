"""Fetching the npm packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.corpus import fetch_packages
from data.errors import CorpusError


def test_fetch_without_npm_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CorpusError, match=r"npm is needed to fetch @iconify/json@2.2.535"):
        fetch_packages(tmp_path / "fresh")
