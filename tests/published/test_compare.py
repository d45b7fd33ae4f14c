"""Two versions side by side."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from data.pictures.images import to_png
from data.store.candidates import Candidate, to_parquet
from data.store.files import Store
from data.store.publication import publish_version, withdraw
from published.__main__ import main

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SCORE = {"mean": 0.5, "standard_error": 0.01}
SCORES = {"text": SCORE, "style": SCORE}


def images(phrases: tuple[str, ...], text: float, style: float, colour: str) -> bytes:
    """Two images of each phrase; the second of each scores 0.02 more in Style."""
    return to_parquet(
        [
            Candidate(
                index=number, content_phrase=phrase, prompt=f"{phrase} in ink", seed=number,
                image=to_png(Image.new("RGB", (16, 16), colour)), text_score=text, style_score=style + 0.02 * i,
            )
            for number, (phrase, i) in enumerate((phrase, i) for phrase in phrases for i in range(2))
        ]
    )  # fmt: skip


def publish(
    store: Store, text: float, style: float, phrases: tuple[str, ...] = ("a fish", "a tree"), **fields: Any
) -> str:
    """A version whose images score so; gives its address."""
    document = {
        "layout": 2, "name": "ink", "created": FIRST.isoformat(), "base_name": "tiny", "base_sha256": "a" * 64,
        "style_phrase": "in ink", "tuned_on": [], "rounds": 2, "lambda_a": 0.5, "adapter": ["adapter.safetensors"],
        "before": SCORES, "after": SCORES, "lineage": [], "scorer_sha256": "e" * 64, **fields,
        "references": [
            {"content_phrase": "a disc", "style_phrase": "in ink", "source_sha256": fields.pop("source", "b" * 64),
             "prompt": "a disc in ink", "image": "references/0.png"}
        ],
    }  # fmt: skip
    rounds = [
        {"round_number": number, **SCORES, "samples": {"uri": f"samples/round-{number}.parquet", "sha256": "0" * 64,
                                                       "size_bytes": 1}}
        for number in (0, 2)
    ]  # fmt: skip
    files = {
        "version.json": json.dumps(document).encode(),
        "adapter.safetensors": f"{text} {style}".encode(),
        "references/0.png": to_png(Image.new("RGB", (16, 16), "navy")),
        "evaluation.json": json.dumps({"rounds": rounds}).encode(),
        "samples/round-0.parquet": images(phrases, 0.1, 0.1, "grey"),
        "samples/round-2.parquet": images(phrases, text, style, "red"),
    }
    return publish_version(store, "ink", files, asked_at=FIRST, by="run").uri


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/store")


def test_two_versions_are_compared_image_by_image_on_one_sheet(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = publish(store, 0.5, 0.2)
    b = publish(store, 0.4, 0.25, phrases=("a tree", "a fish", "a boat"))
    assert main(["compare", a, b, "--sheet", str(tmp_path / "sheet.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"A      ink {a.rpartition('/')[2]}, base tiny (aaaaaaaaaaaa)")
    assert lines[-2] == "B - A  Style +0.050 ± 0.000, Text -0.100 ± 0.000, 4 images of the same prompts"
    assert lines[-1] == f"sheet  {tmp_path}/sheet.png"
    sheet = Image.open(tmp_path / "sheet.png")
    colours = [sheet.getpixel((130, top)) for top in range(60, sheet.height, 102)]
    assert colours == [(0, 0, 128), (255, 0, 0), (255, 0, 0), (128, 128, 128), (128, 128, 128)]
    assert sheet.width < 110 + 3 * 102  # what they have in common


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scorer_sha256": "d" * 64}, "unknown: they were scored by different CLIPs"),
        ({"source": "c" * 64}, "unknown: their references differ"),
    ],
)
def test_scores_that_do_not_compare_are_not_compared(
    store: Store, tmp_path: Path, fields: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = publish(store, 0.5, 0.2), publish(store, 0.4, 0.2, **fields)
    assert main(["compare", a, b, "--sheet", str(tmp_path / "sheet.png")]) == 0
    assert f"B - A  {message}" in capsys.readouterr().out
    assert (tmp_path / "sheet.png").exists()


def test_two_bases_with_one_scorer_compare(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = publish(store, 0.5, 0.2), publish(store, 0.4, 0.2, base_sha256="c" * 64)
    assert main(["compare", a, b, "--sheet", str(tmp_path / "sheet.png")]) == 0
    assert "Text -0.100 ± 0.000" in capsys.readouterr().out


def test_what_cannot_be_compared_is_one_line(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = publish(store, 0.5, 0.2), publish(store, 0.4, 0.2), publish(store, 0.3, 0.2, phrases=("a boat",))
    sheet = ["--sheet", str(tmp_path / "sheet.png")]
    for arguments, message in (
        ([a, c, *sheet], "SpecError: expected two versions that were evaluated on a prompt in common"),
        ([a, f"{store.uri}/styles/none", *sheet], "NotInStore: expected a published adapter"),
        ([a, b, "--sheet", str(tmp_path)], "SpecError: --sheet: expected a file that can be written"),
    ):
        assert main(["compare", *arguments]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(message)
    withdraw(store, "ink", by="Ada", reason="the artist asked")
    assert main(["compare", a, b, *sheet]) == 1
    assert re.match("StyleWithdrawn: .* withdrawn by Ada", capsys.readouterr().err)
