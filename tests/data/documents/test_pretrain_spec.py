import json
from pathlib import Path
from typing import Any

import pytest

import styledrop
from data.documents.pretrain_spec import PretrainSpec, read_pretrain_spec
from data.errors import SpecError


def test_settings_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("generator: {schedule: {num_steps: 9000}}\n")
    spec = read_pretrain_spec(tmp_path / "work", settings=tmp_path / "settings.yaml")
    default = PretrainSpec(work=str(tmp_path / "work"))
    assert spec.generator.schedule.num_steps == 9000
    assert (
        spec.generator.schedule.model_copy(update={"num_steps": default.generator.schedule.num_steps})
        == default.generator.schedule
    )
    assert spec.vqgan == default.vqgan
    assert spec.out_folder == tmp_path / "work/base"
    assert read_pretrain_spec(tmp_path / "work", out=tmp_path / "base").out_folder == tmp_path / "base"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("size_px: 20", "expected a multiple of 8 px.*got 20"),
        ("generator: {hidden_size: 250}", "generator: hidden_size, its heads.*got 250 and 4"),
        ("clip: {widht: 3}", "clip.widht: expected a field of the settings"),
        ("just words", "expected fields and values in .*, got str"),
        ("a: [", "expected YAML in"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(SpecError, match=words):
        read_pretrain_spec(tmp_path / "work", settings=tmp_path / "settings.yaml")


def test_what_has_no_steps_is_copied_from_a_base_that_is_gone_on_from_while_its_codes_stay() -> None:
    parts = ("text", "clip", "vqgan", "generator", "super_resolution")

    def copied(*untrained: str, start_from: str = "embedded") -> set[str]:
        changes = {part: {"schedule": {"num_steps": 0, "learning_rate": 1.0, "batch_size": 1}} for part in untrained}
        spec = PretrainSpec.model_validate({"work": "w", "start_from": start_from, **changes})
        return {part for part in parts if spec.copies(part)}

    assert copied(start_from="") == set()
    assert copied() == copied("generator", "super_resolution") == {"text", "clip"}
    assert copied("vqgan") == {"text", "clip", "vqgan"}
    assert copied("vqgan", "super_resolution") == {"text", "clip", "vqgan", "super_resolution"}


def test_the_defaults_are_what_the_embedded_base_was_made_with() -> None:
    card = json.loads((Path(styledrop.__file__).parent / "embedded/card.json").read_text(encoding="utf-8"))
    assert card["settings"]["vqgan"].pop("code_parts") == [PretrainSpec(work="w").vqgan.num_codes]
    assert not card["settings"]["generator"].pop("tables_are_sums")  # no setting any more
    del card["settings"]["judge"]  # no part of a base any more
    assert card["settings"] == _part_of(PretrainSpec(work="w").model_dump(mode="json"), card["settings"])


def _part_of(settings: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What the card, which is older than some settings, can say."""
    return {
        name: _part_of(settings[name], value) if isinstance(value, dict) else settings[name]
        for name, value in known.items()
    }
