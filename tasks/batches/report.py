"""A batch after its runs: what became of each row, as a table in the store and among the run's artifacts."""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import BatchIncomplete, PipelineError
from data.pictures.images import load_reference, square
from data.records.batch import Batch, BatchReport, BatchStyle, Outcome, StyleRun, report, to_parquet
from data.records.scores import gains_in_words
from data.store.files import Store
from data.store.publication import current_version
from data.store.published_style import OLD_AND_NEW, read_document
from styledrop import ClipScorer, StyleDropError
from tasks.batches.plan import find_published, in_its_row
from tasks.models import identify_base, scorer_folder
from tasks.onboarding.nearest import looks_of_styles, nearest_styles
from tasks.onboarding.rebuild import old_and_new_path
from tasks.reporting import log_stage, show_table

COMPARED_PX = 256
"""A side of references that are compared: more than any scorer looks at."""


@task(cache_policy=NO_CACHE)
def report_batch(batch: Batch, runs: Mapping[str, StyleRun]) -> BatchReport:
    """Put what became of each row into the store (Parquet) and into the run's artifacts (a table)."""
    # All published styles are looked at once, not once for each row.
    looks = cache(lambda store, base, scorer: looks_of_styles(Store(store), _scorer(base, scorer)))
    outcomes = [
        *(Outcome(row=bad.row, name=bad.name, state="bad row", reason=bad.reason) for bad in batch.bad_rows),
        *(
            _outcome(style, runs.get(style.spec.name)).model_copy(update={"nearest": _nearest(style, looks)})
            for style in batch.styles
        ),
    ]
    outcomes.sort(key=lambda outcome: outcome.row)
    is_rebuild = any(style.spec.rebuilds for style in batch.styles)
    table = Store(batch.store).write_blob(f"batches/{batch.name}/reports", ".parquet", to_parquet(outcomes))
    summary = report(batch, outcomes, table)
    counted = ", ".join(f"{count} {state}" for state, count in sorted(summary.styles.items()))
    show_table(
        key=f"batch-{batch.name}",
        table=[
            {
                "style": outcome.name or f"row {outcome.row}",
                "state": outcome.state,
                "Text": _change(outcome.text_before, outcome.text_after),
                "Style": _change(outcome.style_before, outcome.style_after),
                "verdict": outcome.verdict,
                "nearest styles": outcome.nearest,
                "waits for": outcome.waits_for,
                "why": outcome.reason,
                "run": f"[run]({outcome.run_url})" if outcome.run_url else "",
                "published": outcome.published_uri,
                **({"over the old": outcome.over_old, "old and new": outcome.old_and_new} if is_rebuild else {}),
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


def _outcome(style: BatchStyle, run: StyleRun | None) -> Outcome:
    row, name = style.row, style.spec.name
    if style.withdrawn:
        return Outcome(row=row, name=name, state="withdrawn", reason=style.withdrawn)
    if run is not None and run.state != "completed":
        return Outcome(
            row=row,
            name=name,
            state=run.state,
            reason=run.message,
            run_url=run.url,
            waits_for=run.waits_for,
            verdict=run.verdict,
            old_and_new=_sheet_in_run(style),
        )
    run_url = run.url if run else ""
    try:
        published = style.published or find_published(style.spec, style.reference_sha256)
        if published is None:
            reason = "expected the version that its run published, got none in the store; run the batch again"
            return Outcome(row=row, name=name, state="failed", reason=reason, run_url=run_url)
        document = read_document(published.uri)
        is_current = current_version(Store(style.spec.store), name).version == published.version
    except Exception as error:  # of one style: the others are reported
        return Outcome(row=row, name=name, state="failed", reason=in_its_row(error), run_url=run_url)
    return Outcome(
        row=row,
        name=name,
        state="published before" if run is None else "published",
        reason="" if is_current else "another version is current",
        text_before=document.before.text.mean,
        text_after=document.after.text.mean,
        style_before=document.before.style.mean,
        style_after=document.after.style.mean,
        verdict=document.verdict,
        run_url=run_url,
        published_uri=published.uri,
        over_old=gains_in_words(document.over_old.text, document.over_old.style, style.spec.likeness)
        if document.over_old
        else "",
        old_and_new=f"{published.uri}/{OLD_AND_NEW}" if document.rebuilt_from else "",
    )


def _sheet_in_run(style: BatchStyle) -> str:
    """Where the sheet of old and new lies, for a style that is not published; empty if its run has not drawn it."""
    store, path = Store(style.spec.store), old_and_new_path(style.spec.name, style.run_key)
    return store.uri_of(path) if style.spec.rebuilds and store.exists(path) else ""


def _nearest(style: BatchStyle, looks: Callable[[str, str, str], Mapping[str, np.ndarray]]) -> str:
    spec = style.spec
    try:
        references = [square(load_reference(one.uri, one.fit).image, COMPARED_PX, one.fit) for one in spec.references]
        scorer = _scorer(spec.base, spec.scorer)
        near = nearest_styles(spec.name, references, looks(spec.store, spec.base, spec.scorer), scorer)
    except (PipelineError, StyleDropError):  # what is wrong stands in the row already
        return ""
    return ", ".join(one.in_words for one in near)


def _change(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{before:.3f} → {after:.3f}"


@lru_cache(maxsize=1)
def _scorer(base: str, scorer: str) -> ClipScorer:
    """The scorer, on the CPU: a process that only watches a batch holds no accelerator."""
    return ClipScorer(scorer_folder(identify_base(base), scorer))
