from pathlib import Path

import pytest

from data.corpus import build, synonyms
from data.corpus.phrases import phrases_sha256, style_phrases
from data.errors import SettingsChanged
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import finish_stage, open_stage

SETTINGS = {"vqgan": {"schedule": {"num_steps": 10, "decay_steps": 2, "batch_size": 4}, "widths": (8, 16)}, "seed": 0}


def changed(**schedule: int) -> dict[str, object]:
    return {**SETTINGS, "vqgan": {"schedule": {**SETTINGS["vqgan"]["schedule"], **schedule}, "widths": (8, 16)}}


def finished(folder: Path, content: str = "weights") -> StageRecord:
    assert open_stage(folder, SETTINGS) is None
    (folder / "curve.jsonl").write_text('{"step": 10, "seconds": 3.2, "loss": 0.5}\n')
    return finish_stage(folder, lambda result: (result / "model").write_text(content) and None, started=0.0)


def test_a_finished_stage_is_not_repeated(tmp_path: Path) -> None:
    record = finished(tmp_path / "vqgan")
    assert (record.steps, record.seconds, record.figures) == (10, 3.2, {"loss": 0.5})
    assert open_stage(tmp_path / "vqgan", SETTINGS) == record


def test_an_unfinished_stage_is_gone_on_with(tmp_path: Path) -> None:
    assert open_stage(tmp_path, SETTINGS) is None
    assert open_stage(tmp_path, SETTINGS) is None


def test_a_result_that_was_changed_is_made_again(tmp_path: Path) -> None:
    record = finished(tmp_path)
    (tmp_path / "result/model").write_text("other")
    assert open_stage(tmp_path, SETTINGS) is None
    assert (
        finish_stage(tmp_path, lambda result: (result / "model").write_text("weights") and None, started=0.0) == record
    )


def test_a_work_folder_may_be_moved(tmp_path: Path) -> None:
    record = finished(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = open_stage(tmp_path / "there", SETTINGS)
    assert moved == record.model_copy(update={"folder": str(tmp_path / "there/result")})


@pytest.mark.parametrize("schedule", [{"num_steps": 11}, {"decay_steps": 3}])
def test_more_steps_go_on_and_are_remembered(tmp_path: Path, schedule: dict[str, int]) -> None:
    finished(tmp_path)
    assert open_stage(tmp_path, changed(**schedule)) is None
    assert not (tmp_path / "done.json").exists()
    with pytest.raises(SettingsChanged):
        open_stage(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"num_steps": 9}, "vqgan.schedule.num_steps: expected at least 10, got 9"),
        ({"batch_size": 8}, "vqgan.schedule.batch_size: expected 4, got 8"),
    ],
)
def test_other_settings_are_refused_in_words(tmp_path: Path, schedule: dict[str, int], words: str) -> None:
    record = finished(tmp_path)
    with pytest.raises(SettingsChanged, match=words):
        open_stage(tmp_path, changed(**schedule))
    assert open_stage(tmp_path, SETTINGS) == record


def test_a_setting_that_is_newer_than_the_folder_is_named(tmp_path: Path) -> None:
    finished(tmp_path)
    for value in (0.0, None):
        with pytest.raises(SettingsChanged, match=f"newer: expected 'no such setting', got {value}"):
            open_stage(tmp_path, {**SETTINGS, "newer": value})


def test_a_table_that_was_edited_since_is_noticed(tmp_path: Path) -> None:
    made = {**SETTINGS, "made_from": {"phrases": "a" * 64}}
    assert open_stage(tmp_path, made) is None
    with pytest.raises(SettingsChanged, match="made_from.phrases: expected 'aaaa.*, got 'bbbb"):
        open_stage(tmp_path, {**made, "made_from": {"phrases": "b" * 64}})


def test_all_tables_that_the_corpus_and_its_sentences_are_made_from_have_digests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, phrases = build.words_sha256(), phrases_sha256()
    monkeypatch.setitem(synonyms.SYNONYMS, "moon", "luna")
    assert build.words_sha256() != words
    changed_phrases = {**style_phrases(), "tabler": ["other words"]}
    monkeypatch.setattr("data.corpus.phrases.style_phrases", lambda: changed_phrases)
    assert phrases_sha256() != phrases
