"""The commands for what is published."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.store.files import Store
from data.store.publication import publish_version
from published.__main__ import main

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def scores(text: float, style: float) -> dict[str, Any]:
    return {
        "text": {"mean": text, "standard_error": 0.01},
        "style": {"mean": style, "standard_error": 0.02},
    }


def publish(store: Store, name: str, day: int, layout: int = 2) -> str:
    document = {
        "layout": layout,
        "name": name,
        "created": (FIRST + timedelta(days=day)).isoformat(),
        "base_name": "tiny",
        "base_sha256": "a" * 64,
        "scorer_sha256": "5" * 64,
        "style_phrase": "in ink",
        "references": [],
        "tuned_on": ["a cat"],
        "rounds": 2,
        "lineage": [],
        "lambda_a": 0.5,
        "adapter": ["adapter.safetensors"],
        "before": scores(0.5, 0.1),
        "after": scores(0.48, 0.2),
        "verdict": "learnt",
        "gain": scores(-0.02, 0.1),
        "a_field_of_later": 1,
    }
    files = {"version.json": json.dumps(document).encode(), "adapter.safetensors": b"weights"}
    made = publish_version(store, name, files, asked_at=FIRST + timedelta(days=day), by=f"run {day}")
    return made.version


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/100%25 store")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_all_styles_are_listed_each_with_what_there_is_to_say(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", store.uri]) == 0
    assert capsys.readouterr().err == "nothing is published\n"
    version = publish(store, "ink", 0)
    publish(store, "gold", 0)
    publish(store, "later", 0, layout=3)
    store.write_new("styles/torn/current.json", b"{")
    assert main(["withdraw", f"{store.uri}/styles/gold", "--reason", "the artist asked", "--by", "Ada"]) == 0
    assert "withdrawn by Ada at " in capsys.readouterr().out
    gold, ink, later, torn = said(capsys, "list", store.uri).splitlines()
    assert re.fullmatch(r"gold  withdrawn by Ada at \d{4}-\d\d-\d\d \d\d:\d\d UTC: the artist asked", gold)
    assert ink == (
        f"ink  {version}  2026-01-01 00:00 UTC  Text 0.500 ± 0.010, Style 0.100 ± 0.020 → "
        "Text 0.480 ± 0.010, Style 0.200 ± 0.020  learnt"
    )
    assert later.startswith("later  StoreError: expected a VersionDocument of layout 2 at most at ")
    assert torn.startswith("torn  StoreCorrupted: expected a Pointer at ")


def test_a_style_is_shown_with_its_history(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = publish(store, "ink", 0), publish(store, "ink", 1)
    style = f"{store.uri}/styles/ink"
    assert said(capsys, "rollback", style, "--reason", "blurred", "--by", "Ada") == f"{style}: {first} is current\n"
    shown = said(capsys, "show", style)
    assert f"current     {first}, of a run started at 2026-01-01 00:00 UTC" in shown
    assert "verdict     learnt: -0.020 Text, +0.100 Style" in shown
    assert [line.split("  ", 1)[1] for line in shown.splitlines()[-3:]] == [
        f"{first}  published by run 0",
        f"{second}  published by run 1",
        f"{first}  rolled back by Ada: blurred",
    ]
    said(capsys, "withdraw", style, "--reason", "the artist asked", "--by", "Eve")
    shown = said(capsys, "show", style)
    assert "withdrawn by Eve at " in shown
    assert shown.count("removed     styles/ink/versions/") == 2
    assert "rolled back by Ada" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "styles/none"], "NotInStore: expected a published style at .*styles/none, got none"),
        (["rollback", "styles/none", "--reason", "x"], "NotInStore: expected a published style"),
        (["withdraw", "styles/none", "--reason", "x"], "NotInStore: expected a published style"),
        (["withdraw", "none", "--reason", "x"], "SpecError: expected a style's address, STORE/styles/NAME, got "),
        (["withdraw", "styles/none", "--reason", "x", "--by", " "], "SpecError: expected the name of who decides"),
        (
            ["withdraw", "styles/none", "--reason", "x", "--by", "A\u200bda"],
            r"SpecError: --by: .*got U\+200B ZERO WIDTH",
        ),
        (["withdraw", "styles/none", "--reason", "a\x00b"], r"SpecError: --reason: .*got U\+0000"),
        (["rollback", "styles/none", "--reason", "a\u202eb"], r"SpecError: --reason: .*got U\+202E RIGHT-TO-LEFT"),
        (["rollback", "styles/none", "--reason", " "], "SpecError: --reason: expected a phrase, got an empty one"),
        (["rollback", "styles/none", "--reason", "x" * 400], "SpecError: --reason: expected at most 300 characters"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    store: Store,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    action, place, *rest = arguments
    assert main([action, f"{store.uri}/{place}", *rest]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert re.match(message, line), line
