"""Prompts of drawn pictures, as the text encoder reads them."""

from pathlib import Path

import numpy as np

from data.corpus.looks import draw_look, words_of
from data.corpus.phrases import style_phrases
from data.documents.pretrain_spec import TEXT
from styledrop.pretraining.text import build_tokenizer


def test_most_prompts_of_drawn_pictures_are_read_whole(tmp_path: Path) -> None:
    rng, tokenizer = np.random.default_rng(0), build_tokenizer(TEXT, tmp_path)
    prompts = [
        f"umbrella in {words_of(draw_look(style, rng), tuple(phrases), rng)} style"
        for style, phrases in style_phrases().items()
        for _ in range(30)
    ]
    lengths = np.array([len(ids) for ids in tokenizer(prompts).input_ids])
    # Of the rest the last words are cut off: those of the ground, the shadow or the border.
    assert np.mean(lengths <= TEXT.max_length) > 0.9
