import json
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any
from unittest.mock import DEFAULT, patch

import pytest

import styledrop
from data.documents.style_spec import parse_spec
from data.errors import StoreNotWritable, StyleReferenceError
from data.records.feedback import FeedbackRecord
from data.records.onboarding import PublishedAdapter
from data.store.candidates import from_parquet
from data.store.files import Store
from data.store.pointer import read_pointer, style_folder
from data.store.publication import current_version, publish_version
from flows.onboard_style import main, onboard_style
from published.__main__ import main as published_main
from styledrop.model_spec import tensors_sha256

pytestmark = pytest.mark.usefixtures("prefect_api", "learnt")


def feedback_of(store: Store, published: PublishedAdapter, round_number: int = 1) -> FeedbackRecord:
    key = f"styles/{published.name}/versions/{published.version}/feedback/round-{round_number}.json"
    return FeedbackRecord.model_validate_json(store.read(key))


def run_of(store: Store, published: PublishedAdapter) -> str:
    pointer = read_pointer(style_folder(store, published.name))
    assert pointer is not None
    return next(move.by for move in pointer.history if move.version == published.version)


def count_tunings() -> Any:
    return patch.object(styledrop, "tune", side_effect=styledrop.tune)


def test_clip_feedback_publishes_the_second_round_with_its_evidence(spec_document: dict[str, Any]) -> None:
    published = onboard_style(parse_spec(spec_document))

    store = Store(spec_document["store"])
    assert current_version(store, "disc") == published
    names = {key.removeprefix(f"styles/disc/versions/{published.version}/") for key in store.list("styles/disc")}
    assert names >= {
        "adapter.safetensors", "card.json", "contact_sheet.png", "evaluation.json", "feedback/round-1.json",
        "feedback/round-1.parquet", "guidance.json", "README.md",
        "manifest.json", "references/0.png", "references/large-0.png", "samples/base/00000-a-fish.png",
        "samples/round-0.parquet", "samples/round-2.parquet", "samples/style/00000-a-fish.png", "spec.json",
        "version.json", "styles/disc/current.json",
    }  # fmt: skip
    assert published_main(["verify", published.uri]) == 0
    feedback = feedback_of(store, published)
    rows = from_parquet(Store(published.uri).read(feedback.table.uri))
    assert [row.index for row in rows] == list(range(6))
    for phrase, kept in zip(("a cat", "a dog"), feedback.kept, strict=True):
        of_phrase = [row for row in rows if row.content_phrase == phrase]
        assert max(of_phrase, key=lambda row: row.text_score).index == kept
    card = json.loads(Store(published.uri).read("card.json"))
    assert card["prompts"] == ["a cat in flat style", "a dog in flat style"]


def test_the_same_spec_again_repeats_no_finished_task_and_publishes_the_same_version(
    spec_document: dict[str, Any],
) -> None:
    spec = parse_spec(spec_document)
    first = onboard_style(spec)
    written = Store(spec.store).list()
    with count_tunings() as tune:
        assert onboard_style(spec) == first
    assert tune.call_count == 0
    assert Store(spec.store).list() == written


def test_another_consent_another_evaluation_and_a_moved_reference_tune_nothing_again(
    spec_document: dict[str, Any], tmp_path: Path
) -> None:
    [reference] = spec_document["references"]
    first = onboard_style(parse_spec(spec_document))
    Path(reference["uri"]).rename(tmp_path / "moved.png")
    edited = {
        "references": [{**reference, "uri": str(tmp_path / "moved.png")}],
        "consent": "by letter of 3 May",
        "evaluation_prompts": ["a whale"],
    }
    with count_tunings() as tune, patch.object(styledrop, "tune_enlarging", side_effect=AssertionError("tuned again")):
        second = onboard_style(parse_spec({**spec_document, **edited}))
    assert tune.call_count == 0
    adapters, cards = (
        [Store(version.uri).read(name) for version in (first, second)] for name in ("adapter.safetensors", "card.json")
    )
    assert tensors_sha256(adapters[0]) == tensors_sha256(adapters[1])
    assert [json.loads(card)["consent"] for card in cards] == ["own work", "by letter of 3 May"]
    assert "00000-a-whale.png" in " ".join(Store(second.uri).list("samples"))


def test_a_run_that_is_tried_again_never_replaces_a_later_ones_version(
    spec_document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (parse_spec({**spec_document, "rounds": 1, "seed": seed}) for seed in (0, 1))
    store = Store(spec_document["store"])
    a, b = onboard_style(first), onboard_style(second)
    assert onboard_style(first) == a != b == current_version(store, "disc")
    assert f"not current: {b.version} was asked for later and stays" in capsys.readouterr().err
    assert published_main(["rollback", f"{store.uri}/styles/disc", "--reason", "b is blurred", "--by", "Ada"]) == 0
    assert onboard_style(second) == b
    assert current_version(store, "disc") == a
    capsys.readouterr()
    assert published_main(["show", f"{store.uri}/styles/disc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1:] for line in lines[-3:]] == [
        [a.version, f"published by {run_of(store, a)}"],
        [b.version, f"published by {run_of(store, b)}"],
        [a.version, "rolled back by Ada: b is blurred"],
    ]


def test_an_emptied_store_is_filled_anew(spec_document: dict[str, Any], tmp_path: Path) -> None:
    spec = parse_spec({**spec_document, "rounds": 1})
    onboard_style(spec)
    (tmp_path / "store").rename(tmp_path / "moved away")
    with count_tunings() as tune:
        published = onboard_style(spec)
    assert tune.call_count == 1
    assert current_version(Store(spec.store), "disc") == published


def test_the_same_spec_twice_at_once_is_tuned_once_and_both_publish_it(spec_document: dict[str, Any]) -> None:
    spec = parse_spec({**spec_document, "rounds": 1})
    settings = copy_context()  # of Prefect, which threads do not inherit
    with count_tunings() as tune, ThreadPoolExecutor() as at_once:
        runs = [at_once.submit(settings.copy().run, onboard_style, spec) for _ in range(2)]
        first, second = (run.result() for run in runs)
    assert first == second == current_version(Store(spec.store), "disc")
    assert tune.call_count == 1


def test_lost_files_of_finished_tasks_are_made_again(spec_document: dict[str, Any], tmp_path: Path) -> None:
    spec, store = parse_spec(spec_document), Store(spec_document["store"])
    first = onboard_style(spec)
    written = {key for key in store.list("runs") if "/started/" not in key and not key.endswith("opened.json")}
    for key in written:
        store.remove(key)
    needed = {
        key.rpartition("/")[0] for key in written if "/parts-" not in key
    }  # parts are of no use once all are drawn
    with count_tunings() as tune:
        second = onboard_style(spec)
    assert tune.call_count == 2
    assert second.name == first.name
    assert needed <= {key.rpartition("/")[0] for key in store.list("runs")}
    assert published_main(["verify", second.uri]) == 0


def test_one_round_needs_no_feedback_and_three_rounds_take_two(spec_document: dict[str, Any]) -> None:
    store = Store(spec_document["store"])
    one = onboard_style(parse_spec({**spec_document, "rounds": 1}))
    assert not [key for key in store.list("styles") if "feedback" in key]
    three = onboard_style(parse_spec({**spec_document, "rounds": 3, "feedback": "random"}))
    assert one != three == current_version(store, "disc")
    assert feedback_of(store, three, 2).source == "random"


def test_a_store_that_fails_once_while_publishing_is_tried_again(spec_document: dict[str, Any]) -> None:
    failing = patch(
        "tasks.onboarding.publish.publish_version",
        side_effect=[StoreNotWritable("full"), DEFAULT],
        wraps=publish_version,
    )
    with failing as publishing:
        published = onboard_style(parse_spec({**spec_document, "rounds": 1}))
    assert publishing.call_count == 2
    assert current_version(Store(spec_document["store"]), "disc") == published


def test_a_reference_that_cannot_be_used_ends_the_run_and_nothing_is_written(
    spec_document: dict[str, Any], tmp_path: Path
) -> None:
    reference = {**spec_document["references"][0], "uri": str(tmp_path / "nowhere.png")}
    with pytest.raises(StyleReferenceError, match=r"nowhere\.png, got no such file"):
        onboard_style(parse_spec({**spec_document, "references": [reference]}))
    assert not (tmp_path / "store").exists()


def test_a_mistake_in_the_spec_is_one_line_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec.yaml").write_text("name: Not A Slug\n")
    monkeypatch.setattr("sys.argv", ["onboard_style", "--spec", str(tmp_path / "spec.yaml")])
    assert main() == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("SpecError: the spec cannot be used: name: expected 1 to 64 characters")
