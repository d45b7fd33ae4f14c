from pathlib import Path
from typing import Any

import pytest

from data.documents.spec import StyleSettings, parse_spec
from data.errors import ManifestError, StoreNotWritable
from data.store.files import Store
from tasks.batches.plan import find_published, plan_batch
from tasks.onboarding.prepare import prepare


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
