"""What a finished task is found again by."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.documents.spec import parse_spec
from data.records.onboarding import AdapterRecord, Run, TuningExamples
from data.records.record import Blob
from tasks.onboarding.choose_guidance import choose_guidance
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.prepare import prepare
from tasks.onboarding.sample_candidates import sample_candidates
from tasks.onboarding.tokenize import tokenize
from tasks.onboarding.tune import tune
from tasks.onboarding.tune_enlarging import tune_enlarging
from tasks.resuming import code_digest

BLOB = Blob(uri="file:///x", sha256="a" * 64, size_bytes=1)
ADAPTER = AdapterRecord(round_number=1, files={"x": BLOB}, parameters=1, final_loss=0.1, seconds=1.0)
EXAMPLES = TuningExamples(table=BLOB, rows=(0, 1))


def keys_of(run: Run) -> dict[str, str | None]:
    """The key of each task's result."""
    tasks: dict[str, tuple[Any, dict[str, Any]]] = {
        "tokenize": (tokenize, {}),
        "tune 1": (tune, {"round_number": 1, "examples": EXAMPLES}),
        "tune 2": (tune, {"round_number": 2, "examples": EXAMPLES}),
        "candidates": (sample_candidates, {"adapter": ADAPTER}),
        "guidance": (choose_guidance, {"adapter": ADAPTER}),
        "evaluation": (evaluate_round, {"adapter": ADAPTER, "lambda_a": 0.5}),
        "enlarging": (tune_enlarging, {}),
    }
    return {
        name: task.cache_policy.compute_key(None, {"run": run, **arguments}, {})
        for name, (task, arguments) in tasks.items()
    }


def moved(document: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    [reference] = document["references"]
    (tmp_path / "elsewhere").mkdir()
    Path(reference["uri"]).rename(tmp_path / "elsewhere" / "disc.png")
    return {"references": [{**reference, "uri": str(tmp_path / "elsewhere" / "disc.png")}]}


@pytest.mark.parametrize(
    ("edit", "again"),
    [
        (lambda *_: {"consent": "by letter of 3 May"}, set()),
        (lambda *_: {"licence": "CC-BY-4.0"}, set()),
        (moved, set()),
        (lambda *_: {"evaluation_prompts": ["a whale"]}, {"evaluation"}),
        (lambda *_: {"images_per_evaluation_prompt": 1}, {"evaluation"}),
        (lambda *_: {"rounds": 3, "kept_per_prompt": 2}, set()),
        (lambda *_: {"images_per_prompt": 4}, {"candidates"}),
        (lambda document, _: {"later_rounds": {**document["later_rounds"], "steps": 4}}, {"tune 2"}),
        (lambda document, _: {"enlarging": {**document["enlarging"], "steps": 4}}, {"enlarging"}),
        (lambda *_: {"reference_views": 2}, {"tokenize"}),
        (lambda *_: {"seed": 1}, {"tokenize", "tune 1", "tune 2", "candidates", "guidance", "evaluation", "enlarging"}),
    ],
    ids=[
        "consent", "licence", "moved reference", "evaluation prompt", "evaluation images", "rounds", "candidates",
        "later rounds", "enlarging", "views", "seed",
    ],
)  # fmt: skip
def test_an_edit_repeats_what_uses_it_and_nothing_else(
    spec_document: dict[str, Any],
    tmp_path: Path,
    edit: Callable[[dict[str, Any], Path], dict[str, Any]],
    again: set[str],
) -> None:
    before = keys_of(prepare.fn(parse_spec(spec_document)))
    after = keys_of(prepare.fn(parse_spec({**spec_document, **edit(spec_document, tmp_path)})))
    assert len(set(before.values())) == len(before)
    assert {name for name, key in after.items() if key != before[name]} == again


def test_a_style_of_another_name_or_an_emptied_store_shares_nothing(
    spec_document: dict[str, Any], tmp_path: Path
) -> None:
    before = keys_of(prepare.fn(parse_spec(spec_document)))
    other = keys_of(prepare.fn(parse_spec({**spec_document, "name": "other"})))
    (tmp_path / "store").rename(tmp_path / "moved away")
    emptied = keys_of(prepare.fn(parse_spec(spec_document)))
    assert not set(before.values()) & set(other.values()) | set(before.values()) & set(emptied.values())


@pytest.mark.parametrize(
    ("module", "edited", "is_other"),
    [
        ("tasks.onboarding.tune", "tasks/onboarding/tune.py", True),
        ("tasks.onboarding.tune", "styledrop/tuning.py", False),
        ("styledrop.tuning", "styledrop/tuning.py", True),
        ("styledrop.tuning", "styledrop/blocks.py", True),
        ("styledrop.tuning", "styledrop/scoring.py", False),
        ("styledrop.sampler", "styledrop/guidance.py", True),
    ],
)
def test_code_is_other_code_once_what_the_library_imports_for_it_is_edited(
    module: str, edited: str, is_other: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, read = code_digest.__wrapped__(module), Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"\n# edited" if str(path).endswith(edited) else b"")
    )
    assert (code_digest.__wrapped__(module) != before) == is_other
