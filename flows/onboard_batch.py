"""Many styles from one manifest: a deployment run for each, bounded, isolated, and never twice.

prefect deployment run onboard-batch/default --param manifest_uri=s3://styles/batches/monday.csv
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from data.documents.spec import StyleSettings
from data.records.batch import BatchName, BatchReport, WaitsForReviewers, Wave
from tasks.batches.plan import plan_batch
from tasks.batches.report import refuse_incomplete, report_batch
from tasks.batches.runs import run_styles

DEFAULTS = StyleSettings()


@flow(name="onboard-batch", persist_result=True, result_serializer="json")
def onboard_batch(
    manifest_uri: Annotated[
        str, Field(min_length=1, description="CSV, Parquet or YAML, a row per style; see data/documents/manifest.py")
    ],
    name: Annotated[
        BatchName,
        Field(description="of the batch: the same name and the same rows are the same batch; empty: the manifest's"),
    ] = "",
    settings: Annotated[StyleSettings, Field(description="of all styles whose row says nothing else")] = DEFAULTS,
    wave: Wave = 100,
    strict: Annotated[bool, Field(description="start nothing if any row is bad")] = False,
    wait_for_reviewers: WaitsForReviewers = False,
) -> BatchReport:
    """Onboard every style of a manifest that is not published yet; a bad row or a failing style hurts no other."""
    batch = plan_batch(manifest_uri, name, settings, strict)
    runs = run_styles(batch, wave, wait_for_reviewers)
    summary = report_batch(batch, runs)
    refuse_incomplete(summary)
    return summary
