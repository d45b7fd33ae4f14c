"""How a base is tuned and sampled follows the base: its card, or its shape, or else the paper."""

import json
import shutil
from pathlib import Path

import pytest

import styledrop
from styledrop.config.defaults import AMUSED, EMBEDDED_FOLDER, PAPER, Defaults, defaults_of
from styledrop.errors import BaseError
from styledrop.generator import GeneratorConfig

SHAPES = {
    "aMUSEd-256": GeneratorConfig(),
    "aMUSEd-512": GeneratorConfig(sample_size=32, downsample=True, upsample=True),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_public_base_is_known_by_its_shape(name: str, tmp_path: Path) -> None:
    (tmp_path / "transformer").mkdir()
    SHAPES[name].to_file(tmp_path / "transformer" / "config.json")
    found, source = defaults_of(tmp_path)
    assert found == AMUSED
    assert name in source
    # Table S3, and aMUSEd's own: 12 steps, noise from 2 to 0, a guidance scale of 10.
    assert (found.first_round.steps, found.first_round.learning_rate, found.later_rounds.bottleneck) == (1000, 3e-5, 32)
    assert (found.sampling.steps, found.sampling.temperature, found.guidance.lambda_b + 1) == (12, (2.0, 0.0), 10.0)


def test_a_card_says_it_and_the_shape_does_not_matter_then(tmp_path: Path) -> None:
    (tmp_path / "transformer").mkdir()
    GeneratorConfig().to_file(tmp_path / "transformer" / "config.json")
    wanted = PAPER.model_copy(update={"reference_views": 7, "dtype": "bfloat16"})
    (tmp_path / "card.json").write_text(json.dumps({"defaults": wanted.model_dump(mode="json")}))
    assert defaults_of(tmp_path) == (wanted, "the base's card")


def test_what_a_card_leaves_out_is_as_for_its_shape(tmp_path: Path) -> None:
    (tmp_path / "transformer").mkdir()
    GeneratorConfig().to_file(tmp_path / "transformer" / "config.json")
    said = {"later_rounds": {"steps": 500}, "guidance": {"lambda_a": 1.0}, "dtype": "bfloat16"}
    (tmp_path / "card.json").write_text(json.dumps({"defaults": said}))
    found, source = defaults_of(tmp_path)
    assert (source, found.dtype, found.first_round, found.sampling) == (
        "the base's card", "bfloat16", AMUSED.first_round, AMUSED.sampling,
    )  # fmt: skip
    assert found.later_rounds == AMUSED.later_rounds.model_copy(update={"steps": 500})
    assert (found.guidance.lambda_a, found.guidance.lambda_b) == (1.0, AMUSED.guidance.lambda_b)


@pytest.mark.parametrize("content", [None, b"{}", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_base_that_says_nothing_has_the_papers(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "card.json").write_bytes(content)
    assert defaults_of(tmp_path)[0] == PAPER


def test_the_embedded_base_carries_its_own() -> None:
    found, source = defaults_of(EMBEDDED_FOLDER)
    assert source == "the base's card"
    assert 0.5 * found.guidance.lambda_a < 1 < found.reference_views


@pytest.mark.parametrize(
    "change", [{"reference_views": 0}, {"sampling": {"steps": "x"}}, {"more": 1}, {"lambdas_a": []}]
)
def test_defaults_that_cannot_be_used_are_named_with_the_card(
    change: dict[str, object], tiny_base_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_base_folder, tmp_path / "base"))
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "defaults": {**card["defaults"], **change}}))
    with pytest.raises(BaseError, match=f"card.json: its defaults cannot be used: .*{next(iter(change))}"):
        styledrop.Base.from_pretrained(folder)


def test_a_base_knows_its_defaults(tiny_base_folder: Path) -> None:
    base = styledrop.Base.from_pretrained(tiny_base_folder)
    assert base.defaults == Defaults.model_validate(base.card["defaults"])
