"""Candidates drawn by the workers of a real Dask cluster."""

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.task_runners import ThreadPoolTaskRunner

import styledrop
from data.documents.style_spec import parse_spec
from data.errors import SpecError
from data.records.onboarding import CandidatesRecord
from data.store.candidates import from_parquet
from data.store.files import Store
from tasks.onboarding.prepare import prepare
from tasks.onboarding.sample_candidates import sample_candidates
from tasks.onboarding.tune import tokenize, tune
from tasks.workers import task_runner


def test_without_the_setting_everything_is_drawn_here_and_a_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLEDROP_DASK", raising=False)
    assert isinstance(task_runner(), ThreadPoolTaskRunner)
    monkeypatch.setenv("STYLEDROP_DASK", "many")
    with pytest.raises(SpecError, match="expected a number of workers or an address .*got 'many'"):
        task_runner()


def test_two_workers_draw_the_same_images_as_one_process(
    spec_document: dict[str, Any], prefect_client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = parse_spec({**spec_document, "images_per_prompt": 20})  # 40 images: two parts
    run = prepare.fn(spec)
    adapter = tune.fn(run, 1, tokenize.fn(run))
    alone = sample_candidates.fn(run, adapter)
    store = Store(run.store)
    rows = from_parquet(store.read_blob(alone.table))
    shutil.rmtree(tmp_path / "store" / "runs" / "disc" / "round-1" / "candidates")

    monkeypatch.setenv("STYLEDROP_DASK", "2")
    assert prepare.fn(spec) == run

    @flow(task_runner=task_runner())
    def draw_on_workers() -> CandidatesRecord:
        return sample_candidates(run, adapter)

    with patch.object(styledrop, "sample", side_effect=AssertionError("drawn in this process")):
        state = draw_on_workers(return_state=True)
    drawn = from_parquet(store.read_blob(state.result().table))
    assert [row.image for row in drawn] == [row.image for row in rows]
    assert [(row.index, row.prompt, row.seed) for row in drawn] == [(row.index, row.prompt, row.seed) for row in rows]
    for name in ("text_score", "style_score"):
        assert [getattr(row, name) for row in drawn] == pytest.approx([getattr(row, name) for row in rows], abs=1e-6)

    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    names = [task_run.name for task_run in prefect_client.read_task_runs(flow_run_filter=of_run)]
    assert sorted(name for name in names if name.startswith("part-")) == ["part-0", "part-1"]
