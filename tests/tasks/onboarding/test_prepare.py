from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from data.documents.style_spec import parse_spec
from data.errors import SpecError, StoreNotWritable, StyleReferenceError
from data.pictures.images import from_png
from data.records.onboarding import Run
from data.store.files import Store
from tasks.onboarding.prepare import prepare


def test_references_are_square_and_of_the_bases_size(run: Run) -> None:
    [example] = run.references
    assert from_png(Store(run.store).read_blob(example.image)).size == (16, 16)
    assert example.prompt == "a disc in flat style"


def test_the_same_spec_is_the_same_run_until_a_byte_changes(
    spec_document: dict[str, Any], run: Run, reference: Path
) -> None:
    assert prepare.fn(parse_spec(spec_document)) == run
    assert prepare.fn(parse_spec({**spec_document, "seed": 1})).key != run.key
    moved = reference.rename(reference.with_name("moved.png"))
    references = [{**spec_document["references"][0], "uri": str(moved)}]
    assert prepare.fn(parse_spec({**spec_document, "references": references})).key == run.key
    Image.linear_gradient("L").save(reference)
    assert prepare.fn(parse_spec(spec_document)).key != run.key


def test_an_emptied_store_makes_another_run_of_the_same_key(
    spec_document: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "store").rename(tmp_path / "moved away")
    again = prepare.fn(parse_spec(spec_document))
    assert again.key == run.key
    assert again.nonce != run.nonce


@pytest.mark.parametrize(("name", "message"), [("nowhere.png", "got no such file"), ("text.png", "something else")])
def test_a_reference_that_cannot_be_used_is_one_error_and_nothing_is_written(
    spec_document: dict[str, Any], tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "text.png").write_text("text")
    references = [*spec_document["references"], {**spec_document["references"][0], "uri": str(tmp_path / name)}]
    with pytest.raises(StyleReferenceError, match=message):
        prepare.fn(parse_spec({**spec_document, "references": references}))
    assert not (tmp_path / "store").exists()


def test_a_base_that_cannot_be_used_is_one_error_and_nothing_is_written(
    spec_document: dict[str, Any], tmp_path: Path, tiny_base_folder: Path
) -> None:
    with pytest.raises(SpecError, match=r"the base .*no-base' cannot be used: .*model_index\.json"):
        prepare.fn(parse_spec({**spec_document, "base": str(tmp_path / "no-base")}))
    mute = tmp_path / "mute"
    mute.mkdir()
    for part in tiny_base_folder.iterdir():
        if part.name != "clip":
            (mute / part.name).symlink_to(part)
    with pytest.raises(SpecError, match="expected a scorer .*mute/clip, got none"):
        prepare.fn(parse_spec({**spec_document, "base": str(mute)}))
    assert not (tmp_path / "store").exists()


def test_an_unwritable_store_is_one_error(spec_document: dict[str, Any], reference: Path) -> None:
    with pytest.raises(StoreNotWritable, match=r"cannot write file://.*reference\.png/store"):
        prepare.fn(parse_spec({**spec_document, "store": f"file://{reference}/store"}))
