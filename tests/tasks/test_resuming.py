"""What a finished task is found again by."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from prefect.filesystems import LocalFileSystem
from prefect.results import ResultStore
from prefect.serializers import JSONSerializer

from data.documents.style_spec import parse_spec
from data.errors import StoreError
from data.records.onboarding import AdapterRecord, Run, TuningExamples
from data.records.record import Blob
from data.store.files import Store
from tasks.onboarding.choose_guidance import choose_guidance
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.prepare import prepare
from tasks.onboarding.sample_candidates import sample_candidates
from tasks.onboarding.tune import tokenize, tune, tune_enlarging
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
    return {name: key_of(task, {"run": run, **arguments}) for name, (task, arguments) in tasks.items()}


def key_of(task: Any, arguments: dict[str, Any], folder: str = "/nowhere") -> str:
    return str(task.cache_policy.compute_key(SimpleNamespace(result_store=results(folder)), arguments, {}))


def results(folder: str) -> ResultStore:
    return ResultStore(result_storage=LocalFileSystem(basepath=folder), serializer=JSONSerializer())


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


def test_a_result_is_made_again_once_a_file_of_it_is_lost_or_it_cannot_be_read(
    spec_document: dict[str, Any], tmp_path: Path
) -> None:
    run, folder = prepare.fn(parse_spec(spec_document)), str(tmp_path / "results")
    arguments = {"run": run, "round_number": 1, "examples": EXAMPLES}
    store, other = Store(run.store), Store(f"{run.store} of another")
    files = {"a": store.write_blob("x", ".a", b"a"), "b": other.write_blob("x", ".b", b"b")}
    key = key_of(tune, arguments, folder)
    results(folder).write(ADAPTER.model_copy(update={"files": files}), key=key)
    assert key_of(tune, arguments, folder) == key
    with patch("tasks.resuming.blob_exists", side_effect=StoreError("out of reach")):
        assert key_of(tune, arguments, folder) == key
    shutil.rmtree(tmp_path / "store of another")
    again = key_of(tune, arguments, folder)
    assert again != key
    results(folder).write(ADAPTER.model_copy(update={"files": {"a": files["a"]}}), key=again)
    assert key_of(tune, arguments, folder) == again
    of_another_release = tmp_path / "results" / again
    of_another_release.write_text(of_another_release.read_text().replace("AdapterRecord", "RecordOfNobody"))
    assert key_of(tune, arguments, folder) not in (key, again)
