"""Published styles and subjects made anew on another base: a deployment run for each, compared with what it replaces.

prefect deployment run rebuild-styles/default --param store=s3://styles --param base=/bases/next
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from data.records.batch import BatchName, BatchReport, WaitsForReviewers, Wave
from tasks.batches.rebuild import plan_rebuild
from tasks.batches.report import refuse_incomplete, report_batch
from tasks.batches.runs import run_styles


@flow(name="rebuild-styles", persist_result=True, result_serializer="json")
def rebuild_styles(
    store: Annotated[str, Field(min_length=1, description="the styles' store: a path, file://… or s3://…")],
    base: Annotated[str, Field(min_length=1, description='the other base: "embedded", or its folder')],
    styles: Annotated[tuple[str, ...], Field(description="names of those that are made anew; none: all")] = (),
    name: Annotated[
        BatchName,
        Field(description="of the batch: the same name is the same batch; empty: rebuild- and the base's digest"),
    ] = "",
    wave: Wave = 100,
    wait_for_reviewers: WaitsForReviewers = False,
) -> BatchReport:
    """Make again what is published, from its version's files; publish what is not worse, or what a person lets pass."""
    batch = plan_rebuild(store, base, styles, name)
    runs = run_styles(batch, wave, wait_for_reviewers)
    summary = report_batch(batch, runs)
    refuse_incomplete(summary)
    return summary
