import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerBase

from styledrop.config.pretraining import Schedule, TextTraining
from styledrop.pretraining.stage import StageRun
from styledrop.pretraining.text import build_text_model, build_tokenizer, train_text
from styledrop.text import TextEncoder
from tests.model.conftest import with_steps

TRAINING = TextTraining(
    schedule=Schedule(num_steps=3, learning_rate=3e-3, batch_size=4, warmup_steps=1),
    num_merges=200,
    max_length=20,
    width=16,
    layers=2,
    heads=2,
    embed_dim=16,
)
PROMPTS = ["a red umbrella in bold black woodcut style", "", "Straße, 3 cats & a very long list of other animals too"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> PreTrainedTokenizerBase:
    return build_tokenizer(TRAINING, tmp_path / "tokenizer")


@pytest.mark.parametrize("prompt", ["a red umbrella in bold black woodcut style", "naïve café 3d, two-tone"])
def test_the_tokenizer_gives_back_the_words_it_was_given(tmp_path: Path, prompt: str) -> None:
    tokenizer = build_tokenizer(TRAINING.model_copy(update={"num_merges": 4096}), tmp_path)
    ids = tokenizer(prompt).input_ids
    assert ids[0] == len(tokenizer) - 2
    assert ids[-1] == len(tokenizer) - 1
    said = tokenizer.decode(ids, skip_special_tokens=True)
    assert said.replace(" ", "") == prompt.replace(" ", "")


def test_the_tokenizer_is_a_smaller_clip_with_common_words_whole(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(TRAINING.model_copy(update={"num_merges": 4096}), tmp_path)
    assert len(tokenizer) == 512 + 4096 + 2
    assert tokenizer.tokenize("the house") == ["the</w>", "house</w>"]
    assert tokenizer.model_max_length == TRAINING.max_length


def test_the_tokenizer_loaded_from_its_folder_is_the_same(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    text = TextEncoder(build_text_model(TRAINING, len(tokenizer)), tokenizer)
    text.to_folder(tmp_path / "text_encoder", tmp_path / "saved", torch.float32)
    loaded = TextEncoder.from_folder(tmp_path / "text_encoder", tmp_path / "saved")
    for prompt in PROMPTS:
        assert loaded.tokenizer(prompt).input_ids == tokenizer(prompt).input_ids
    assert loaded.tokenizer.model_max_length == TRAINING.max_length
    assert loaded.tokenizer.pad_token_id == len(tokenizer) - 1


SENTENCES = ["cat", "dog", "a red umbrella", "a blue umbrella in woodcut style"]


def trained(folder: Path, num_steps: int) -> TextEncoder:
    return train_text(
        SENTENCES, np.eye(4, 6, dtype=np.float32), with_steps(TRAINING, num_steps), StageRun(folder=folder)
    )


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(tmp_path / "stopped", 1)
    resumed = trained(tmp_path / "stopped", 3).state_dict()
    whole = trained(tmp_path / "whole", 3).state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_it_learns_the_teachers_vectors_and_tells_sentences_apart(tmp_path: Path) -> None:
    trained(tmp_path, 80)
    *_, last = (json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines())
    assert last["cosine"] > 0.7
    assert last["contrast"] < 0.2
