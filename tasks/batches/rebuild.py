"""A batch that makes what is published anew on another base: what is to be made, and what is there already."""

import json
from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.documents.document import checked
from data.documents.manifest import BadRow
from data.documents.of_base import for_another_base
from data.documents.style_spec import StyleSpec, parse_spec
from data.documents.subject_spec import SubjectSpec
from data.errors import StyleWithdrawn
from data.records.batch import Batch, BatchStyle
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from data.store.publication import current_version
from data.store.published_style import read_settings, read_version
from tasks.batches.plan import find_published, in_its_row
from tasks.deployment import refuse_relative_addresses
from tasks.models import identify_base, refuse_cut_prompts
from tasks.onboarding.prepare import run_key
from tasks.reporting import log_stage


@task(cache_policy=NO_CACHE)
def plan_rebuild(store: str, base: str, styles: Sequence[str], name: str) -> Batch:
    """Find the styles and subjects of a store (all, or those named) that are to be made anew on `base`. Starts nothing.

    Each is made from its current version. Whatever is wrong with a style makes it a bad row, and no other. Withdrawn
    styles are left out; one that is named is a bad row.

    Raises:
        SpecError: if there is no such base, or an address is relative in a run of a deployment.
        StoreError: if the store cannot be reached.
        StoreNotWritable: if the store refuses writes.
    """
    refuse_relative_addresses({"store": store, "base": base})
    identity = identify_base(base)
    name = name or f"rebuild-{identity.sha256[:8]}"
    root = Store(store)
    planned: list[BatchStyle] = []
    bad_rows: list[BadRow] = []
    for row, style in enumerate(styles or root.folders("styles"), start=1):
        try:
            planned.append(_planned(row, root, style, base))
        except Exception as error:  # nothing about a style may end the batch
            if isinstance(error, StyleWithdrawn) and not styles:
                log_stage(f"batch {name}: {style} is left out: {error}")
                continue
            bad_rows.append(BadRow(row=row, name=style, reason=in_its_row(error)))
            log_stage(f"batch {name}: {style} is left out: {bad_rows[-1].reason}")
    asked = [{"name": one.spec.name, "rebuilds": one.spec.rebuilds} for one in planned]
    there = sum(one.published is not None for one in planned)
    log_stage(f"batch {name}: {len(planned)} styles, {there} of them on the base already, {len(bad_rows)} bad rows")
    return Batch(
        name=name,
        store=root.uri,
        manifest=root.write_blob(f"batches/{name}/manifests", ".json", json.dumps(asked, indent=2).encode()),
        styles=tuple(planned),
        bad_rows=tuple(bad_rows),
    )


def _planned(row: int, root: Store, style: str, base: str) -> BatchStyle:
    current = current_version(root, style)
    spec, reference_sha256, base_sha256 = _rebuilt_spec(current, root.uri, base)
    opened = identify_base(base)
    refuse_cut_prompts(opened, spec.whole_prompts)
    is_there = base_sha256 == opened.sha256
    return BatchStyle(
        row=row,
        spec=spec,
        reference_sha256=reference_sha256,
        run_key=run_key(spec, reference_sha256),
        published=current if is_there else find_published(spec, reference_sha256),
    )


def _rebuilt_spec(
    current: PublishedAdapter, store: str, base: str
) -> tuple[StyleSpec | SubjectSpec, tuple[str, ...], str]:
    """The spec of the new version, the digests of the reference files as they were first given, and the old base.

    How it is tuned and sampled suits one base and not another, and is as `base` says. Settings that this release does
    not know any more are passed over.
    """
    version = read_version(current.uri)
    is_style = version.document.kind == "style"
    known = (StyleSpec if is_style else SubjectSpec).model_fields
    settings = read_settings(current.uri)
    references = [
        {**reference, "uri": image.uri}
        for reference, image in zip(settings["references"], version.references, strict=True)
    ]
    wanted = {
        **{field: value for field, value in for_another_base(settings).items() if field in known},
        "references": references,
        "store": store,
        "base": base,
        "rebuilds": version.uri,
    }
    spec = parse_spec(wanted) if is_style else checked(SubjectSpec, wanted, "the spec")
    document = version.document
    return spec, tuple(one.source_sha256 for one in document.references), document.base_sha256
