"""Stage two: the text encoder together with the CLIP scorer."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE
from transformers import PreTrainedTokenizerBase

from data.contact_sheet import Row, comparison_sheet
from data.corpus import Corpus, style_phrases
from data.corpus_arrays import read_arrays
from data.pretrain_spec import PretrainSpec
from data.records import StageRecord
from data.stage_folder import finish_stage, open_stage
from styledrop.pretraining.clip import ClipTowers, ClipTraining, train_clip, write_open_clip
from styledrop.pretraining.pictures import nearest_images
from styledrop.text import TextEncoder
from tasks.pretrain_schedule import report_to, schedule_of
from tasks.progress import Progress

NEAREST = 8
"""Images shown beside a prompt."""
SEARCHED = 4000
"""Kept images among which the nearest are looked for, at most."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_text(spec: PretrainSpec, corpus: StageRecord, sentences: StageRecord) -> StageRecord:
    """Train both towers; the result holds T (`text_encoder/`, `tokenizer/`) and the scorer (`open_clip/`)."""
    folder, wanted = spec.stage_folder("text"), spec.clip
    settings = {
        "clip": wanted.model_dump(mode="json"),
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256, "sentences": sentences.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    shown = read_arrays(Path(corpus.folder))
    rows = np.nonzero(shown.split == "train")[0]
    training = ClipTraining(
        schedule=schedule_of(wanted.schedule),
        num_merges=wanted.num_merges,
        max_length=wanted.max_length,
        width=wanted.width,
        layers=wanted.layers,
        heads=wanted.heads,
        embed_dim=wanted.embed_dim,
        image_layers=wanted.image_layers,
        image_width=wanted.image_width,
        image_size_px=spec.size_px,
        styles_per_concept=wanted.styles_per_concept,
        distill_weight=wanted.distill_weight,
    )
    with Progress("text encoder and CLIP", wanted.schedule.num_steps) as progress:
        towers, tokenizer = train_clip(
            shown.images[rows],
            [shown.caption[row] for row in rows],
            shown.concept[rows].tolist(),
            shown.style[rows].tolist(),
            style_phrases(),
            json.loads((Path(sentences.folder) / "sentences.json").read_text(encoding="utf-8")),
            np.load(Path(sentences.folder) / "vectors.npy"),
            training,
            folder,
            seed=spec.seed,
            report=report_to(progress),
        )

    def write(result: Path) -> None:
        text = TextEncoder(towers.text, tokenizer)
        text.to_folder(result / "text_encoder", result / "tokenizer", torch.float16)
        write_open_clip(towers, training, folder / "tokenizer", result / "open_clip")

    _draw(towers, tokenizer, spec, shown).save(folder / "pictures.png")
    return finish_stage(folder, write)


def _draw(towers: ClipTowers, tokenizer: PreTrainedTokenizerBase, spec: PretrainSpec, corpus: Corpus) -> Image.Image:
    kept = np.nonzero(corpus.split == "kept")[0][:SEARCHED]
    rows = kept if len(kept) else np.arange(min(SEARCHED, len(corpus)))
    phrases = style_phrases()
    contents, styles = spec.pictures.contents, spec.pictures.styles
    prompts = [f"{content} in {phrases[styles[i % len(styles)]][0]} style" for i, content in enumerate(contents)]
    nearest = nearest_images(towers, tokenizer, np.asarray(corpus.images[rows]), prompts, count=NEAREST)
    return comparison_sheet(
        [f"{place + 1}." for place in range(nearest.shape[1])],
        [
            Row(label=prompt, images=[Image.fromarray(np.asarray(corpus.images[rows[place]])) for place in places])
            for prompt, places in zip(prompts, nearest, strict=True)
        ],
    )
