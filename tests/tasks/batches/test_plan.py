import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from prefect import flow

from data.documents.spec import StyleSettings, parse_spec
from data.errors import BatchIncomplete, ManifestError, StoreNotWritable
from data.records.batch import BadRow, Batch, BatchReport, StyleRun
from data.store.files import Store
from tasks.batches.plan import find_published, plan_batch, refuse_incomplete, report_batch
from tasks.onboarding.prepare import prepare


@flow
def reported(batch: Batch, runs: dict[str, StyleRun]) -> BatchReport:
    return report_batch(batch, runs)


@pytest.fixture
def settings(spec_document: dict[str, Any]) -> StyleSettings:
    return StyleSettings.model_validate(
        {name: value for name, value in spec_document.items() if name in StyleSettings.model_fields}
    )


@pytest.fixture
def manifest(tmp_path: Path, spec_document: dict[str, Any]) -> Path:
    [reference] = spec_document["references"]
    row = {
        "images": reference["uri"],
        **{name: reference[name] for name in ("content_phrase", "style_phrase")},
        **{name: spec_document[name] for name in ("licence", "consent")},
    }
    rows = [{**row, "name": "lost", "images": "lost.png"}, {**row, "name": "disc"}, {**row, "name": "ball", "seed": 1}]
    (tmp_path / "Monday's batch.yaml").write_text(yaml.safe_dump(rows))
    return tmp_path / "Monday's batch.yaml"


def test_a_plan_has_the_good_rows_and_the_reasons_of_the_bad_and_starts_nothing(
    manifest: Path, settings: StyleSettings
) -> None:
    batch = plan_batch.fn(str(manifest), "", settings, False)
    assert batch.name == "monday-s-batch"
    assert [(style.row, style.spec.name, style.published) for style in batch.styles] == [
        (2, "disc", None),
        (3, "ball", None),
    ]
    [bad] = batch.bad_rows
    assert (bad.row, bad.name) == (1, "lost") and "got no such file" in bad.reason
    assert Store(batch.store).read_blob(batch.manifest) == manifest.read_bytes()
    assert all(key.startswith("batches/") for key in Store(batch.store).list())
    assert batch.styles[0].run_key == prepare.fn(batch.styles[0].spec).key


def test_a_strict_plan_refuses_bad_rows_by_name(manifest: Path, settings: StyleSettings) -> None:
    with pytest.raises(ManifestError, match=r"got 1; nothing was started\. row 1 \(lost\): .*lost\.png"):
        plan_batch.fn(str(manifest), "", settings, True)


def test_a_plan_for_a_store_that_cannot_be_written_is_one_error(
    manifest: Path, settings: StyleSettings, reference: Path
) -> None:
    with pytest.raises(StoreNotWritable, match=r"reference\.png/store"):
        plan_batch.fn(str(manifest), "", settings.model_copy(update={"store": f"file://{reference}/store"}), False)


def test_a_report_says_of_every_row_what_became_of_it(
    manifest: Path, settings: StyleSettings, prefect_api: str
) -> None:
    batch = plan_batch.fn(str(manifest), "monday", settings, False)
    runs = {
        "disc": StyleRun(state="failed", message="Failed: no luck", url="http://ui/1"),
        "ball": StyleRun(state="waiting", message="", url="http://ui/2", waits_for="picks of round 1"),
    }
    summary = reported(batch, runs)
    rows = pq.read_table(io.BytesIO(Store(batch.store).read_blob(summary.table))).to_pylist()
    assert [(row["name"], row["state"], row["waits_for"], row["run_url"]) for row in rows] == [
        ("lost", "bad row", "", ""),
        ("disc", "failed", "", "http://ui/1"),
        ("ball", "waiting", "picks of round 1", "http://ui/2"),
    ]
    assert summary.styles == {"bad row": 1, "failed": 1, "waiting": 1}
    with pytest.raises(BatchIncomplete, match=r"got 2 .*row 1 \(lost\): .*; row 2 \(disc\): Failed: no luck"):
        refuse_incomplete(summary)


def test_a_batch_with_styles_that_only_wait_is_complete(settings: StyleSettings, prefect_api: str) -> None:
    store = Store(settings.store)
    manifest = store.write_blob("manifests", ".csv", b"")
    empty = Batch(name="none", store=store.uri, manifest=manifest, styles=(), bad_rows=())
    refuse_incomplete(reported(empty, {}))
    with pytest.raises(BatchIncomplete, match=r"row 4 \(no name\): torn"):
        refuse_incomplete(reported(empty.model_copy(update={"bad_rows": (BadRow(row=4, name="", reason="torn"),)}), {}))


def test_what_is_published_is_found_until_the_spec_or_an_image_changes(
    spec_document: dict[str, Any], prefect_api: str
) -> None:
    from flows.onboard_style import onboard_style

    spec = parse_spec({**spec_document, "rounds": 1})
    published = onboard_style(spec)
    [sha256] = prepare.fn(spec).reference_sha256
    assert find_published(spec, (sha256,)) == published
    assert find_published(spec.model_copy(update={"seed": 5}), (sha256,)) is None
    assert find_published(spec, ("0" * 64,)) is None
