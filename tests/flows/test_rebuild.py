"""Published styles made anew on another base."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from PIL import Image
from prefect import flow

from data.documents.style_spec import parse_spec
from data.errors import SpecError
from data.pictures.images import from_png
from data.records.batch import Batch, BatchReport, StyleRun
from data.records.onboarding import PublishedAdapter
from data.records.scores import Gain
from data.store.candidates import from_parquet
from data.store.files import Store
from data.store.publication import current_version, roll_back, withdraw
from data.store.published_style import read_document
from data.store.verification import verify_version
from flows.onboard_style import onboard_style
from review.waiting import Waiting
from tasks.batches.rebuild import plan_rebuild
from tasks.batches.report import report_batch
from tasks.models import open_base
from tasks.onboarding.prepare import prepare
from tests.reviewer import person, says

pytestmark = pytest.mark.usefixtures("prefect_api", "learnt")

BETTER, WORSE = Gain.of([0.0, 0.1], [0.1, 0.2]), Gain.of([0.0, 0.1], [-0.2, -0.21])


@flow
def reported(batch: Batch, runs: dict[str, StyleRun]) -> BatchReport:
    return report_batch(batch, runs)


@pytest.fixture
def better() -> Iterator[None]:
    """What the new base makes is better than the old: of two bases of random weights nobody knows."""
    with patch("tasks.onboarding.rebuild.gain_of", return_value=BETTER):
        yield


def version_file(published: PublishedAdapter, path: str) -> bytes:
    return Store(published.uri).read(path)


@pytest.mark.usefixtures("better")
def test_a_style_is_made_anew_from_what_its_version_holds_and_published_where_it_is_not_worse(
    spec_document: dict[str, Any], other_base_folder: Path, tmp_path: Path
) -> None:
    store, base = spec_document["store"], str(other_base_folder)
    old = onboard_style(parse_spec(spec_document))
    (tmp_path / "reference.png").unlink()
    plan = plan_rebuild.fn(store, base, (), "")
    [style] = plan.styles
    assert style.published is None
    assert style.run_key == prepare.fn(style.spec).key
    # How it is tuned and sampled suits a base: it is as the new one says.
    assert (style.spec.first_round.steps, style.spec.reference_views, style.spec.candidate_sampling.steps) == (4, 2, 2)
    assert style.spec.prompts == tuple(spec_document["prompts"])
    new = onboard_style(style.spec)
    assert current_version(Store(store), "disc") == new != old

    for path in ("references/0.png", "references/large-0.png"):
        assert version_file(new, path) == version_file(old, path)
    before, after = read_document(old.uri), read_document(new.uri)
    assert after.references == before.references
    assert (after.base_name, after.rebuilt_from, before.rebuilt_from) == ("other", old.version, "")
    assert after.over_old is not None and after.over_old.style.mean == pytest.approx(0.15)
    assert "://" not in version_file(new, "spec.json").decode()
    assert f"Made anew from version {old.version}" in version_file(new, "README.md").decode()
    sheet = Image.open(io.BytesIO(version_file(new, "old_and_new.png")))
    assert sheet.height > 5 * 96  # reference, old and new, and what their bases draw
    assert not [check for check in verify_version(new.uri)[1] if check.is_refused]

    # A second run has nothing to do, even if a person went back meanwhile.
    again = plan_rebuild.fn(store, base, (), "")
    assert [one.published for one in again.styles] == [new]
    roll_back(Store(f"{store}/styles/disc"), old.version, by="Ada", reason="liked it more")
    again = plan_rebuild.fn(store, base, (), "")
    assert [one.published for one in again.styles] == [new]
    table = reported(again, {}).table
    [row] = pq.read_table(io.BytesIO(Store(store).read_blob(table))).to_pylist()
    assert (row["state"], row["reason"]) == ("published before", "another version is current")
    assert row["over_old"].startswith("Style +0.150 ± ")
    assert row["old_and_new"] == f"{new.uri}/old_and_new.png"


def test_a_persons_picks_are_taken_over_and_what_is_worse_waits_for_a_word(
    spec_document: dict[str, Any], other_base_folder: Path
) -> None:
    store = spec_document["store"]
    finished = person(says("approve", 4, 1))
    old = onboard_style(parse_spec({**spec_document, "feedback": "human"}))
    finished()
    [style] = plan_rebuild.fn(store, str(other_base_folder), ["disc"], "").styles
    asked: list[Waiting] = []

    def look(waiting: Waiting) -> None:
        asked.append(waiting)
        [row] = pq.read_table(io.BytesIO(Store(store).read_blob(waits().table))).to_pylist()
        assert Store(store).exists(row["old_and_new"].removeprefix(f"{store}/"))
        says("publish", note="the base is wanted")(waiting)

    def waits() -> BatchReport:
        run = StyleRun(state="waiting", message="worse", url="", waits_for="a word")
        return reported(plan_rebuild.fn(store, str(other_base_folder), ["disc"], ""), {"disc": run})

    finished = person(look)
    with patch("tasks.onboarding.rebuild.gain_of", return_value=WORSE):
        new = onboard_style(style.spec)
    finished()
    [question] = [waiting.question for waiting in asked]
    assert question.doubts == {"over_old": f"worse than the version that it rebuilds: {WORSE.in_words}"}
    before, after = (from_parquet(version_file(one, "feedback/round-1.parquet")) for one in (old, new))
    assert [one.image for one in after] == [one.image for one in before]
    base = open_base(str(other_base_folder))
    assert after[4].tokens == tuple(base.tokenize([from_png(after[4].image)])[0].tolist())
    given = json.loads(version_file(new, "feedback/round-1.json"))
    assert (given["kept"], given["decision"]["reviewer"]) == ([1, 4], "Ada")
    assert json.loads(version_file(new, "word.json"))["note"] == "the base is wanted"
    assert not [check for check in verify_version(new.uri)[1] if check.is_refused]


def test_what_is_wrong_with_a_style_is_its_reason_alone(
    spec_document: dict[str, Any], other_base_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, base = Store(spec_document["store"]), str(other_base_folder)
    published = {
        name: onboard_style(parse_spec({**spec_document, "name": name, "rounds": 1}))
        for name in ("good", "damaged", "withdrawn")
    }
    key = f"styles/damaged/versions/{published['damaged'].version}/references/0.png"
    store.swap(key, store.read(key), b"damaged")
    withdraw(store, "withdrawn", by="Ada", reason="the artist asked")
    plan = plan_rebuild.fn(store.uri, base, (), "next")
    assert [one.spec.name for one in plan.styles] == ["good"]
    [bad] = plan.bad_rows
    assert bad.name == "damaged" and "references/0.png, got other bytes" in bad.reason
    assert "withdrawn is left out: " in capsys.readouterr().err
    named = plan_rebuild.fn(store.uri, base, ["withdrawn", "nothing", "good"], "next")
    assert [one.spec.name for one in named.styles] == ["good"]
    assert "withdrawn by Ada" in named.bad_rows[0].reason
    assert "expected a published adapter at" in named.bad_rows[1].reason
    with pytest.raises(SpecError, match="the base .* cannot be used"):
        plan_rebuild.fn(store.uri, f"{base}/nowhere", (), "next")
    other = [{**spec_document["references"][0], "content_phrase": "a ball"}]
    spec = parse_spec({**spec_document, "references": other, "rebuilds": published["good"].uri, "base": base})
    with pytest.raises(SpecError, match="expected those of the version that is rebuilt"):
        prepare.fn(spec)
