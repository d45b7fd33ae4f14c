import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml

import styledrop
from data.documents.spec import StyleSettings
from data.documents.style_spec import StyleSpec, parse_spec
from data.errors import ManifestError, SpecError, StoreNotWritable
from data.store.files import Store
from tasks import models
from tasks.batches.plan import find_published, plan_batch
from tasks.onboarding.prepare import prepare, run_key


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


def test_a_row_without_phrases_is_planned_where_its_base_can_propose_them(
    manifest: Path, settings: StyleSettings, tiny_base_folder: Path, tmp_path: Path
) -> None:
    rows = [
        {name: cell for name, cell in row.items() if "phrase" not in name}
        for row in yaml.safe_load(manifest.read_text())
    ]
    base = Path(shutil.copytree(tiny_base_folder, tmp_path / "amused"))
    (base / "vocabulary.json").unlink()
    rows[2]["base"] = str(base)
    manifest.write_text(yaml.safe_dump(rows))
    batch = plan_batch.fn(str(manifest), "", settings, False)
    assert [style.spec.phrases_left_out for style in batch.styles] == [(1, 0)]
    assert "has no vocabulary.json" in batch.bad_rows[1].reason


def test_a_strict_plan_refuses_bad_rows_by_name(manifest: Path, settings: StyleSettings) -> None:
    with pytest.raises(ManifestError, match=r"got 1; nothing was started\. row 1 \(lost\): .*lost\.png"):
        plan_batch.fn(str(manifest), "", settings, True)


def test_a_plan_for_a_store_that_cannot_be_written_is_one_error(
    manifest: Path, settings: StyleSettings, reference: Path
) -> None:
    with pytest.raises(StoreNotWritable, match=r"reference\.png/store"):
        plan_batch.fn(str(manifest), "", settings.model_copy(update={"store": f"file://{reference}/store"}), False)


def test_a_row_in_a_bad_state_is_a_bad_row_and_all_others_go_on(
    tmp_path: Path, manifest: Path, settings: StyleSettings, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [*_, good, _] = yaml.safe_load(manifest.read_text())
    store = Store(settings.store)
    gone: dict[str, object] = {"version": "0" * 16, "manifest_sha256": "0" * 64}
    published = {"action": "published", "asked_at": "2026-01-01T00:00:00Z", "at": "2026-01-01T00:00:00Z", "by": "run"}
    for name, pointer in {
        "version-gone": {**gone, "history": [{**gone, **published}]},
        "pointer-torn": {"version": 5},
        "pointer-odd": [],
    }.items():
        store.write_new(f"styles/{name}/current.json", json.dumps(pointer).encode())
    store.write_new("styles/pointer-broken/current.json", b"{")
    broken = Path(shutil.copytree(tiny_base_folder, tmp_path / "broken"))
    (broken / "vqvae" / "config.json").write_text("[]")
    rows = [
        *({**good, "name": name} for name in ("pointer-torn", "pointer-odd", "pointer-broken")),
        {**good, "name": "no-base", "base": str(tmp_path / "nowhere")},
        {**good, "name": "broken-base", "base": str(broken)},
        {**good, "name": "far-base", "base": "s3://bucket/base"},
        {**good, "name": "far-store", "store": "gs://bucket/store"},
        {**good, "name": "long", "style_phrase": "in a style of very many words " * 9},
        {**good, "name": "torn"},
        {**good, "name": "version-gone"},
        {**good, "name": "good"},
    ]
    manifest.write_text(yaml.safe_dump(rows))

    def torn(spec: StyleSpec, reference_sha256: tuple[str, ...]) -> str:
        if spec.name == "torn":
            raise ZeroDivisionError("nobody thought of it")
        return run_key(spec, reference_sha256)

    monkeypatch.setattr("tasks.batches.plan.run_key", torn)
    batch = plan_batch.fn(str(manifest), "", settings, False)
    assert [style.spec.name for style in batch.styles] == ["version-gone", "good"]  # the former is made anew
    assert [bad.name for bad in batch.bad_rows] == [row["name"] for row in rows[:-2]]
    assert all(bad.reason and bad.reason.isprintable() for bad in batch.bad_rows)
    found = {bad.name: bad.reason for bad in batch.bad_rows}
    assert "vqvae/config.json: expected a JSON object, got list" in found["broken-base"]
    assert "that are longer" in found["long"]
    assert found["torn"] == "ZeroDivisionError: nobody thought of it"
    with pytest.raises(ManifestError, match=f"got {len(rows) - 2}; nothing was started"):
        plan_batch.fn(str(manifest), "", settings, True)


def test_a_batch_hashes_a_base_once_and_opens_none_on_a_device(
    manifest: Path, settings: StyleSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLEDROP_DEVICE", "cuda:9")  # which is not there: nobody asks for it
    monkeypatch.setattr(models, "_identities", {})
    loaded = Mock(side_effect=styledrop.Base.from_pretrained)
    monkeypatch.setattr(models, "_scorers", {})
    hashed = Mock(side_effect=models.files_sha256)
    monkeypatch.setattr(styledrop.Base, "from_pretrained", loaded)
    monkeypatch.setattr(models, "files_sha256", hashed)
    batch = plan_batch.fn(str(manifest), "", settings, False)
    assert [style.spec.name for style in batch.styles] == ["disc", "ball"]
    assert [call.kwargs["device"] for call in loaded.call_args_list] == ["cpu"]
    assert hashed.call_count == 1


def test_relative_addresses_are_refused_in_a_batch_of_a_deployment(
    tmp_path: Path, manifest: Path, settings: StyleSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "11111111-1111-1111-1111-111111111111")
    monkeypatch.chdir(tmp_path)
    for uri, change, words in (
        (manifest.name, {}, 'manifest_uri "Monday\'s batch.yaml"'),
        (str(manifest), {"store": "store"}, "settings.store 'store'"),
        (str(manifest), {"base": "base"}, "settings.base 'base'"),
        (str(manifest), {"scorer": "clip"}, "settings.scorer 'clip'"),
    ):
        with pytest.raises(SpecError, match=f"one place on every worker .* got {words}"):
            plan_batch.fn(uri, "", settings.model_copy(update=change), False)
    rows = yaml.safe_load(manifest.read_text())
    rows[1]["store"] = "~/store"
    manifest.write_text(yaml.safe_dump(rows))
    batch = plan_batch.fn(str(manifest), "", settings, False)
    assert [style.spec.name for style in batch.styles] == ["ball"]
    assert "store '~/store'" in batch.bad_rows[1].reason


def test_what_is_published_is_found_until_the_spec_or_an_image_changes(
    spec_document: dict[str, Any], prefect_api: str, learnt: None
) -> None:
    from flows.onboard_style import onboard_style

    spec = parse_spec({**spec_document, "rounds": 1})
    published = onboard_style(spec)
    [sha256] = prepare.fn(spec).reference_sha256
    assert find_published(spec, (sha256,)) == published
    assert find_published(spec.model_copy(update={"seed": 5}), (sha256,)) is None
    assert find_published(spec, ("0" * 64,)) is None

    # What a later version has replaced is not made again, nor what was copied to another store.
    other = onboard_style(spec.model_copy(update={"seed": 5}))
    assert find_published(spec, (sha256,)) == published
    assert find_published(spec.model_copy(update={"seed": 5}), (sha256,)) == other
    source, moved = Store(spec.store), Store(f"memory://{spec.name}-moved")
    for key in source.list("styles"):
        moved.write_new(key, source.read(key))
    found = find_published(spec.model_copy(update={"store": moved.uri}), (sha256,))
    assert found is not None and found.version == published.version

    # A version that is damaged is made anew.
    card = f"styles/disc/versions/{published.version}/version.json"
    source.remove(card)
    assert find_published(spec, (sha256,)) is None
