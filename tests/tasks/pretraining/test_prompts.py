"""Prompts of drawn pictures, as the text encoder reads them."""

from pathlib import Path

import numpy as np

from data.corpus import style_phrases
from data.corpus.looks import draw_look, words_of
from data.documents.pretrain_spec import TextSettings
from styledrop.pretraining.text import TextTraining, build_tokenizer
from tasks.pretraining.schedule import schedule_of


def test_most_prompts_of_drawn_pictures_are_read_whole(tmp_path: Path) -> None:
    wanted, rng = TextSettings(), np.random.default_rng(0)
    training = TextTraining(
        schedule=schedule_of(wanted.schedule),
        num_merges=wanted.num_merges,
        max_length=wanted.max_length,
        width=wanted.width,
        layers=wanted.layers,
        heads=wanted.heads,
        embed_dim=wanted.embed_dim,
    )
    tokenizer = build_tokenizer(training, tmp_path)
    prompts = [
        f"umbrella in {words_of(draw_look(style, rng), tuple(phrases), rng)} style"
        for style, phrases in style_phrases().items()
        for _ in range(30)
    ]
    lengths = np.array([len(ids) for ids in tokenizer(prompts).input_ids])
    # Of the rest, a quarter, the last words are cut off: those of the ground, the shadow or the border.
    assert np.mean(lengths <= wanted.max_length) > 0.7
