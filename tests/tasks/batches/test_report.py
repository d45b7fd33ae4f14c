import io
import re
from pathlib import Path
from unittest.mock import Mock, patch

import pyarrow.parquet as pq
import pytest
import yaml
from prefect import flow

from data.documents.manifest import BadRow
from data.documents.spec import StyleSettings
from data.errors import BatchIncomplete
from data.pictures.images import from_png
from data.records.batch import Batch, BatchReport, StyleRun
from data.store.files import Store, read_blob
from data.store.publication import withdraw
from data.store.published_style import read_version
from flows.onboard_style import onboard_style
from tasks.batches.plan import plan_batch
from tasks.batches.report import refuse_incomplete, report_batch
from tasks.batches.runs import run_styles
from tasks.models import open_scorer
from tasks.onboarding.nearest import looks_of_styles, nearest_styles


@flow
def reported(batch: Batch, runs: dict[str, StyleRun]) -> BatchReport:
    return report_batch(batch, runs)


@flow
def started(batch: Batch) -> dict[str, StyleRun]:
    return run_styles(batch, 1, False)


def test_a_report_says_of_every_row_what_became_of_it(
    manifest: Path, settings: StyleSettings, prefect_api: str
) -> None:
    batch = plan_batch.fn(str(manifest), "monday", settings, False)
    runs = {
        "disc": StyleRun(state="failed", message="Failed: no luck", url="http://ui/1"),
        "ball": StyleRun(
            state="waiting", message="not learnt: no", url="http://ui/2", waits_for="a word", verdict="not learnt"
        ),
    }
    with patch("tasks.batches.report.looks_of_styles", wraps=looks_of_styles) as looks:
        summary = reported(batch, runs)
    assert looks.call_count == 1  # however many rows there are
    rows = pq.read_table(io.BytesIO(Store(batch.store).read_blob(summary.table))).to_pylist()
    assert [(row["name"], row["state"], row["waits_for"], row["verdict"], row["run_url"]) for row in rows] == [
        ("lost", "bad row", "", "", ""),
        ("disc", "failed", "", "", "http://ui/1"),
        ("ball", "waiting", "a word", "not learnt", "http://ui/2"),
    ]
    assert summary.styles == {"bad row": 1, "failed": 1, "waiting": 1}
    with pytest.raises(BatchIncomplete, match=r"got 2 .*row 1 \(lost\): .*; row 2 \(disc\): Failed: no luck"):
        refuse_incomplete(summary)


def test_a_withdrawn_style_is_left_out_in_words_and_never_started_again(
    manifest: Path, settings: StyleSettings, prefect_api: str, learnt: None
) -> None:
    rows = [{**row, "rounds": 1} for row in yaml.safe_load(manifest.read_text()) if row["name"] == "disc"]
    manifest.write_text(yaml.safe_dump(rows))
    planned = plan_batch.fn(str(manifest), "monday", settings, False)
    published = onboard_style(planned.styles[0].spec)
    again = reported(plan_batch.fn(str(manifest), "monday", settings, False), {})
    assert (again.styles, again.incomplete) == ({"published before": 1}, ())
    [row] = pq.read_table(io.BytesIO(Store(planned.store).read_blob(again.table))).to_pylist()
    assert (row["published_uri"], row["verdict"]) == (published.uri, "learnt")

    store, scorer = Store(settings.store), open_scorer(settings.base)
    [reference] = [from_png(read_blob(blob)) for blob in read_version(published.uri).references]
    [near] = nearest_styles("another", [reference], looks_of_styles(store, scorer), scorer)
    assert (near.in_words, row["nearest"]) == ("1.00 like disc", "")  # a style is not compared with itself
    store.write_new("styles/torn/current.json", b"{")  # hides no other
    reference_key = f"styles/disc/versions/{published.version}/references/0.png"
    whole = store.read(reference_key)
    for content, found in ((b"damaged", ()), (whole, (near,))):
        store.swap(reference_key, store.read(reference_key), content)
        assert nearest_styles("another", [reference], looks_of_styles(store, scorer), scorer) == found

    withdraw(Store(settings.store), "disc", by="Ada", reason="the artist asked")
    batch = plan_batch.fn(str(manifest), "monday", settings, False)
    deployment = Mock(work_pool_name=None)
    with patch("tasks.batches.runs._deployment", return_value=deployment), patch("tasks.batches.runs._start") as start:
        runs = started(batch)
    assert (runs, start.call_count) == ({}, 0)
    summary = reported(batch, runs)
    refuse_incomplete(summary)
    assert summary.styles == {"withdrawn": 1}
    [row] = pq.read_table(io.BytesIO(Store(batch.store).read_blob(summary.table))).to_pylist()
    assert looks_of_styles(store, scorer) == {}
    assert nearest_styles("another", [reference], {}, scorer) == ()
    assert re.fullmatch("withdrawn by Ada at .* UTC: the artist asked", row["reason"])


def test_a_batch_with_styles_that_only_wait_is_complete(settings: StyleSettings, prefect_api: str) -> None:
    store = Store(settings.store)
    manifest = store.write_blob("manifests", ".csv", b"")
    empty = Batch(name="none", store=store.uri, manifest=manifest, styles=(), bad_rows=())
    refuse_incomplete(reported(empty, {}))
    with pytest.raises(BatchIncomplete, match=r"row 4 \(no name\): torn"):
        refuse_incomplete(reported(empty.model_copy(update={"bad_rows": (BadRow(row=4, name="", reason="torn"),)}), {}))
