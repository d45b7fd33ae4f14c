"""The console commands that an installation brings."""

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SCRIPTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_command_says_how_it_is_used(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, function = SCRIPTS[command].split(":")
    main = getattr(importlib.import_module(module), function)
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {command} ")


def test_an_installed_command_runs_in_any_folder(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("styledrop-published")
    ran = subprocess.run([command, "list", tmp_path], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "nothing is published\n")


def test_a_reader_who_has_seen_enough_ends_a_list_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "styles" / "torn").mkdir(parents=True)
    (tmp_path / "styles" / "torn" / "current.json").write_text("{")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        ran = subprocess.run(
            [sys.executable, "-m", "published", "list", tmp_path], stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert (ran.returncode, ran.stderr) == (0, "")
