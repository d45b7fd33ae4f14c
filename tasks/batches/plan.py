"""A batch before its runs: the manifest checked as a whole, and what is published already."""

import re
from pathlib import PurePosixPath

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.documents.manifest import BadRow, ManifestStyle, read_manifest
from data.documents.spec import OnboardingSpec, StyleSettings
from data.documents.vocabulary import read_vocabulary
from data.documents.words import shown
from data.errors import ManifestError, NotInStore, PipelineError, SignatureRefused, StoreCorrupted
from data.records.batch import Batch, BatchStyle
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from data.store.pointer import read_pointer, style_folder
from data.store.published_style import read_document, read_settings, without_addresses
from tasks.deployment import refuse_relative_addresses
from tasks.models import identify_base, identify_scorer, refuse_cut_prompts
from tasks.onboarding.prepare import run_key, source_sha256
from tasks.onboarding.propose_phrases import as_said
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
    refuse_relative_addresses({"manifest_uri": manifest_uri, "settings": settings})
    name = name or re.sub("[^a-z0-9]+", "-", PurePosixPath(manifest_uri).stem.lower()).strip("-") or "batch"
    manifest = read_manifest(manifest_uri, settings)
    store = Store(settings.store)
    store.exists(f"batches/{name}")  # one that cannot be reached is no row's fault
    bad_rows = list(manifest.problems)
    styles: list[BatchStyle] = []
    for style in manifest.styles:
        try:
            styles.append(_planned(style))
        except Exception as error:  # nothing about a row may end the batch
            bad_rows.append(BadRow(row=style.row, name=style.spec.name, reason=in_its_row(error)))
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
    for planned in batch.styles:
        if planned.withdrawn:
            log_stage(f"batch {name}: row {planned.row} ({planned.spec.name}) is left out: {planned.withdrawn}")
    published = sum(style.published is not None for style in batch.styles)
    withdrawn = sum(bool(style.withdrawn) for style in batch.styles)
    log_stage(
        f"batch {name}: {len(batch.styles)} styles, {published} of them published already, {withdrawn} withdrawn, "
        f"{len(bad_rows)} bad rows"
    )
    return batch


def in_its_row(error: Exception) -> str:
    """The error of one row as one line for a table; it never ends the batch."""
    return shown(str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}")


def find_published(spec: OnboardingSpec, reference_sha256: tuple[str, ...]) -> PublishedAdapter | None:
    """The style's version in the store that was made from this spec, these images, this base and scorer.

    Of several, the current one, or else the newest. A version that another has replaced counts as well: it is not made
    again.
    """
    style = style_folder(Store(spec.store), spec.name)
    pointer = read_pointer(style)
    if pointer is None or pointer.withdrawn is not None:
        return None
    spec = as_said(spec, reference_sha256)
    digests = {move.version: move.manifest_sha256 for move in pointer.history}
    for version in pointer.versions:
        uri = f"{style.uri}/versions/{version}"
        try:
            is_wanted = _is_made_from(uri, spec, reference_sha256)
        except (NotInStore, StoreCorrupted, SignatureRefused):  # whatever it was, it can no longer be used
            continue
        if is_wanted:
            return PublishedAdapter(name=spec.name, version=version, uri=uri, manifest_sha256=digests[version])
    return None


def _is_made_from(version_uri: str, spec: OnboardingSpec, reference_sha256: tuple[str, ...]) -> bool:
    document, base = read_document(version_uri), identify_base(spec.base)
    return (
        read_settings(version_uri) == without_addresses(spec.model_dump(mode="json"))
        and tuple(reference.source_sha256 for reference in document.references) == reference_sha256
        and document.base_sha256 == base.sha256
        and document.scorer_sha256 == identify_scorer(base, spec.scorer)
    )


def _planned(style: ManifestStyle) -> BatchStyle:
    refuse_relative_addresses(style.spec)
    refuse_cut_prompts(identify_base(style.spec.base), style.spec.whole_prompts)
    pointer = read_pointer(style_folder(Store(style.spec.store), style.spec.name))
    reference_sha256 = source_sha256(style.spec, style.reference_sha256)
    if as_said(style.spec, reference_sha256).phrases_left_out:
        read_vocabulary(identify_base(style.spec.base).folder)
    return BatchStyle(
        row=style.row,
        spec=style.spec,
        reference_sha256=reference_sha256,
        run_key=run_key(style.spec, reference_sha256),
        published=find_published(style.spec, reference_sha256),
        withdrawn=pointer.withdrawn.in_words if pointer is not None and pointer.withdrawn is not None else "",
    )
