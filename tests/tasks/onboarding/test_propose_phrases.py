import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from data.documents.style_spec import StyleSpec, parse_spec
from data.errors import SpecError
from data.pictures.images import from_png
from data.records.feedback import Decision
from data.records.onboarding import Run
from data.store.files import Store
from tasks.models import open_scorer
from tasks.onboarding.decisions import find_decisions, record_decision
from tasks.onboarding.prepare import prepare
from tasks.onboarding.propose_phrases import as_said, place_of_phrases, propose_phrases


@pytest.fixture
def bare_document(spec_document: dict[str, Any]) -> dict[str, Any]:
    [reference] = spec_document["references"]
    return {**spec_document, "references": [{"uri": reference["uri"]}]}


def confirm(run: Run, *phrases: str) -> Decision:
    question = propose_phrases.fn(run)
    given = Decision(
        decision="confirm", reviewer="Ada", decided_at=datetime.now(UTC), picks=(), note="", phrases=phrases,
        candidates_sha256=question.seen_sha256, proposed=question.proposed,
    )  # fmt: skip
    place = place_of_phrases(run.spec, run.reference_sha256)
    assert record_decision.fn(run, place, question, given) == ""
    [decision] = find_decisions.fn(run, place)
    return decision


def test_what_is_proposed_has_the_best_text_of_the_vocabulary(bare_document: dict[str, Any]) -> None:
    run = prepare.fn(parse_spec(bare_document))
    content, style = propose_phrases.fn(run).proposed
    image = from_png(Store(run.store).read_blob(run.references[0].image))

    def text(*prompts: str) -> list[float]:
        return list(open_scorer(run.spec.base).compare([image], prompts)[0])

    contents = ("a disc", "a moose", "a tree")
    assert max(zip(text(*contents), contents, strict=True))[1] == content
    styles = [f"in {look} style" for look in ("flat", "thin ink", "loose pencil")]
    assert max(zip(text(*(f"{content} {one}" for one in styles)), styles, strict=True))[1] == style
    given = parse_spec(
        {**bare_document, "references": [{**bare_document["references"][0], "content_phrase": "a moose"}]}
    )
    assert propose_phrases.fn(prepare.fn(given)).left_out == (0,)


def test_what_was_said_is_taken_as_if_it_had_been_written_wherever_the_picture_lies(
    bare_document: dict[str, Any], spec_document: dict[str, Any], tmp_path: Path, other_base_folder: Path
) -> None:
    spec, written = parse_spec(bare_document), parse_spec(spec_document)
    run = prepare.fn(spec)
    assert as_said(spec, run.reference_sha256) == spec
    decision = confirm(run, "a  disc", "in flat style")
    said, as_written = prepare.fn(spec, decision), prepare.fn(written)
    assert said.model_copy(update={"said_phrases": ()}) == as_written
    proposed = decision.proposed[0]
    assert said.origin(1) == f"proposed and corrected by Ada (proposed: {proposed})" or proposed == "a disc"
    moved = shutil.copy(bare_document["references"][0]["uri"], tmp_path / "moved.png")
    elsewhere = parse_spec({**bare_document, "references": [{"uri": str(moved)}], "base": str(other_base_folder)})
    found = as_said(elsewhere, run.reference_sha256)
    assert isinstance(found, StyleSpec)
    assert found.reference_words == written.reference_words


def test_a_base_without_a_vocabulary_is_refused_before_anything_is_written(
    bare_document: dict[str, Any], tiny_base_folder: Path, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(tiny_base_folder, tmp_path / "amused"))
    (base / "vocabulary.json").unlink()
    spec = parse_spec({**bare_document, "base": str(base)})
    with pytest.raises(
        SpecError, match=r"base 'amused' has no vocabulary\.json to propose phrases from; write them into"
    ):
        prepare.fn(spec)
    assert Store(spec.store).list() == []
