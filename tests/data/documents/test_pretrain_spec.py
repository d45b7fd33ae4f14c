from pathlib import Path

import pytest

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
        ("clip: {widht: 3}", "clip.widht: Extra inputs"),
        ("just words", "expected fields and values in .*, got str"),
        ("a: [", "expected YAML or JSON"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(SpecError, match=words):
        read_pretrain_spec(tmp_path / "work", settings=tmp_path / "settings.yaml")
