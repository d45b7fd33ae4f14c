"""A batch before its runs: the manifest checked as a whole, and what is published already."""

import json
import re
from pathlib import PurePosixPath

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.documents.manifest import ManifestStyle, read_manifest
from data.documents.spec import StyleSettings, StyleSpec
from data.documents.words import shown
from data.errors import ManifestError, NotInStore, PipelineError
from data.records.batch import BadRow, Batch, BatchStyle
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from data.store.publication import current_version
from tasks.deployment import addresses_of, refuse_relative_addresses
from tasks.models import open_base, refuse_cut_prompts
from tasks.onboarding.prepare import run_key
from tasks.reporting import log_stage


@task(cache_policy=NO_CACHE)
def plan_batch(manifest_uri: str, name: str, settings: StyleSettings, strict: bool) -> Batch:
    """Check the manifest, its images, bases and the store; find what is published already. Starts nothing.

    Whatever is wrong with a row, or with what is published under its name, makes that row a bad one.

    Raises:
        ManifestError: if the manifest cannot be read, or has bad rows and is to be strict.
        SpecError: if manifest, store or base have relative addresses in a run of a deployment.
        StoreError: if the store cannot be reached.
        StoreNotWritable: if the store refuses writes.
    """
    refuse_relative_addresses(addresses_of(settings.store, settings.base, {"manifest_uri": manifest_uri}))
    name = name or re.sub("[^a-z0-9]+", "-", PurePosixPath(manifest_uri).stem.lower()).strip("-") or "batch"
    manifest = read_manifest(manifest_uri, settings)
    store = Store(settings.store)
    store.exists(f"batches/{name}")  # one that cannot be reached is no row's fault
    bad_rows = [BadRow(row=problem.row, name=problem.name, reason=problem.reason) for problem in manifest.problems]
    styles = []
    for style in manifest.styles:
        try:
            styles.append(_planned(style))
        except Exception as error:  # nothing about a row may end the batch
            reason = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
            bad_rows.append(BadRow(row=style.row, name=style.spec.name, reason=shown(reason)))
    bad_rows.sort(key=lambda bad: bad.row)
    for row in bad_rows:
        log_stage(f"batch {name}: row {row.row} ({row.name or 'no name'}) is left out: {row.reason}")
    if strict and bad_rows:
        raise ManifestError(
            f"expected no bad rows in {manifest_uri}, got {len(bad_rows)}; nothing was started. "
            + "; ".join(f"row {row.row} ({row.name}): {row.reason}" for row in bad_rows)
        )
    batch = Batch(
        name=name,
        store=store.uri,
        manifest=store.write_blob(f"batches/{name}/manifests", manifest.suffix, manifest.content),
        styles=tuple(styles),
        bad_rows=tuple(bad_rows),
    )
    published = sum(style.published is not None for style in batch.styles)
    log_stage(
        f"batch {name}: {len(batch.styles)} styles, {published} of them published already, {len(bad_rows)} bad rows"
    )
    return batch


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
    references = {f"references.{number}.uri": one.uri for number, one in enumerate(style.spec.references)}
    refuse_relative_addresses(addresses_of(style.spec.store, style.spec.base, references))
    refuse_cut_prompts(open_base(style.spec.base), style.spec.whole_prompts)
    return BatchStyle(
        row=style.row,
        spec=style.spec,
        reference_sha256=style.reference_sha256,
        run_key=run_key(style.spec, style.reference_sha256),
        published=find_published(style.spec, style.reference_sha256),
    )
