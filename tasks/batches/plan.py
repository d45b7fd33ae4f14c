"""A batch before and after its runs: the manifest checked as a whole, and the report."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from data.documents.manifest import ManifestStyle, read_manifest
from data.documents.spec import StyleSettings, StyleSpec
from data.errors import BatchIncomplete, ManifestError, NotInStore
from data.records.batch import BadRow, Batch, BatchReport, BatchStyle, Outcome, StyleRun, report, to_parquet
from data.records.run import EvaluationRecord, PublishedAdapter
from data.store.files import Store
from data.store.publication import current_version
from tasks.models import open_base
from tasks.onboarding.prepare import run_key
from tasks.say import log_stage


@task(cache_policy=NO_CACHE)
def plan_batch(manifest_uri: str, name: str, settings: StyleSettings, strict: bool) -> Batch:
    """Check the manifest, its images, the base and the store; find what is published already. Starts nothing.

    Raises:
        ManifestError: if the manifest cannot be read, or has bad rows and is to be strict.
        SpecError: if there is no such base.
        StoreNotWritable: if the store refuses writes.
    """
    name = name or re.sub("[^a-z0-9]+", "-", PurePosixPath(manifest_uri).stem.lower()).strip("-") or "batch"
    manifest = read_manifest(manifest_uri, settings)
    bad_rows = tuple(BadRow(row=problem.row, name=problem.name, reason=problem.reason) for problem in manifest.problems)
    for row in bad_rows:
        log_stage(f"batch {name}: row {row.row} ({row.name or 'no name'}) is left out: {row.reason}")
    if strict and bad_rows:
        raise ManifestError(
            f"expected no bad rows in {manifest_uri}, got {len(bad_rows)}; nothing was started. "
            + "; ".join(f"row {row.row} ({row.name}): {row.reason}" for row in bad_rows)
        )
    store = Store(settings.store)
    batch = Batch(
        name=name,
        store=store.uri,
        manifest=store.write_blob(f"batches/{name}/manifests", manifest.suffix, manifest.content),
        styles=tuple(_planned(style) for style in manifest.styles),
        bad_rows=bad_rows,
    )
    published = sum(style.published is not None for style in batch.styles)
    log_stage(
        f"batch {name}: {len(batch.styles)} styles, {published} of them published already, {len(bad_rows)} bad rows"
    )
    return batch


@task(cache_policy=NO_CACHE)
def report_batch(batch: Batch, runs: Mapping[str, StyleRun]) -> BatchReport:
    """Put what became of each row into the store (Parquet) and into the run's artifacts (a table)."""
    outcomes = [
        *(Outcome(row=bad.row, name=bad.name, state="bad row", reason=bad.reason) for bad in batch.bad_rows),
        *(_outcome(style, runs.get(style.spec.name)) for style in batch.styles),
    ]
    outcomes.sort(key=lambda outcome: outcome.row)
    table = Store(batch.store).write_blob(f"batches/{batch.name}/reports", ".parquet", to_parquet(outcomes))
    summary = report(batch, outcomes, table)
    counted = ", ".join(f"{count} {state}" for state, count in sorted(summary.styles.items()))
    create_table_artifact(
        key=f"batch-{batch.name}",
        table=[
            {
                "style": outcome.name or f"row {outcome.row}",
                "state": outcome.state,
                "Text": _change(outcome.text_before, outcome.text_after),
                "Style": _change(outcome.style_before, outcome.style_after),
                "waits for": outcome.waits_for,
                "why": outcome.reason,
                "run": f"[run]({outcome.run_url})" if outcome.run_url else "",
                "published": outcome.published_uri,
            }
            for outcome in outcomes
        ],
        description=f"{counted}. The same as Parquet: {table.uri}",
    )
    log_stage(f"batch {batch.name}: {counted}; report {table.uri}")
    return summary


def refuse_incomplete(summary: BatchReport) -> None:
    """Make an incomplete batch a failed run, after everything else is done.

    Raises:
        BatchIncomplete: naming every bad row and every failed style.
    """
    if summary.incomplete:
        raise BatchIncomplete(
            f"expected every row of batch {summary.batch!r} to be published or waiting, got {len(summary.incomplete)} "
            f"that are not (all others are; mend these and run the batch again): {'; '.join(summary.incomplete)}"
        )


def find_published(spec: StyleSpec, reference_sha256: tuple[str, ...]) -> PublishedAdapter | None:
    """The store's current version of the style, if it was made from this spec, these images and this base."""
    try:
        current = current_version(Store(spec.store), spec.name)
    except NotInStore:
        return None
    version = Store(current.uri)
    card = json.loads(version.read("card.json"))
    made_from = (
        json.loads(version.read("spec.json")),
        [reference["sha256"] for reference in card["references"]],
        card["base_sha256"],
    )
    wanted = (spec.model_dump(mode="json"), list(reference_sha256), open_base(spec.base).sha256)
    return current if made_from == wanted else None


def _planned(style: ManifestStyle) -> BatchStyle:
    return BatchStyle(
        row=style.row,
        spec=style.spec,
        reference_sha256=style.reference_sha256,
        run_key=run_key(style.spec, style.reference_sha256),
        published=find_published(style.spec, style.reference_sha256),
    )


def _outcome(style: BatchStyle, run: StyleRun | None) -> Outcome:
    row, name = style.row, style.spec.name
    if run is not None and run.state != "completed":
        return Outcome(
            row=row, name=name, state=run.state, reason=run.message, run_url=run.url, waits_for=run.waits_for
        )
    published = style.published or find_published(style.spec, style.reference_sha256)
    if published is None:  # published it was, and something else was since
        return Outcome(row=row, name=name, state="published", run_url=run.url if run else "")
    rounds = EvaluationRecord.model_validate_json(Store(published.uri).read("evaluation.json")).rounds
    return Outcome(
        row=row,
        name=name,
        state="published before" if run is None else "published",
        text_before=rounds[0].text.mean,
        text_after=rounds[-1].text.mean,
        style_before=rounds[0].style.mean,
        style_after=rounds[-1].style.mean,
        run_url=run.url if run else "",
        published_uri=published.uri,
    )


def _change(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{before:.3f} → {after:.3f}"
