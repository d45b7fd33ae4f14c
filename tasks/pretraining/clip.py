"""The CLIP scorer, for a text encoder that stands."""

from pathlib import Path

import numpy as np
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import Corpus, phrases_sha256, style_phrases
from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.pretraining.clip import ClipTowers, ClipTraining, train_clip, write_open_clip
from styledrop.pretraining.pictures import nearest_images
from styledrop.pretraining.processes import train_in_processes
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.text import open_text
from tasks.reporting import Progress

NEAREST = 8
"""Images shown beside a prompt."""
SEARCHED = 4000
"""Kept images among which the nearest are looked for, at most."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_clip(spec: PretrainSpec, corpus: StageRecord, text: StageRecord) -> StageRecord:
    """Train the image tower on the training split; the result is an open_clip folder."""
    folder, wanted = spec.stage_folder("clip"), spec.clip
    settings = {
        "clip": wanted,
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256, "text": text.sha256},
        "made_from": {"phrases": phrases_sha256()},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    towers = train_in_processes(spec.processes, _train, spec, corpus, text)
    towers.eval()
    _draw(towers, spec, read_arrays(Path(corpus.folder))).save(folder / "pictures.png")
    tokenizer = Path(text.folder) / "tokenizer"
    return finish_stage(folder, lambda result: write_open_clip(towers, _training(spec), tokenizer, result))


def _train(spec: PretrainSpec, corpus: StageRecord, text: StageRecord) -> ClipTowers:
    shown = read_arrays(Path(corpus.folder))
    rows = np.nonzero(shown.split == "train")[0]
    with Progress("CLIP", spec.clip.schedule.num_steps) as progress:
        return train_clip(
            shown.images[rows],
            [shown.caption[row] for row in rows],
            shown.concept[rows].tolist(),
            shown.style[rows].tolist(),
            style_phrases(),
            open_text(text),
            _training(spec),
            spec.stage_folder("clip"),
            seed=spec.seed,
            report=report_to(progress),
        )


def _training(spec: PretrainSpec) -> ClipTraining:
    return ClipTraining(
        schedule=schedule_of(spec.clip.schedule),
        image_layers=spec.clip.image_layers,
        image_width=spec.clip.image_width,
        image_size_px=spec.size_px,
        styles_per_batch=spec.clip.styles_per_batch,
        images_per_concept=spec.clip.images_per_concept,
        caption_only=spec.clip.caption_only,
    )


def _draw(towers: ClipTowers, spec: PretrainSpec, corpus: Corpus) -> Image.Image:
    kept = np.nonzero(corpus.split == "kept")[0][:SEARCHED]
    rows = kept if len(kept) else np.arange(min(SEARCHED, len(corpus)))
    phrases = style_phrases()
    contents, styles = spec.pictures.contents, spec.pictures.styles
    prompts = [f"{content} in {phrases[styles[i % len(styles)]][0]} style" for i, content in enumerate(contents)]
    nearest = nearest_images(towers, np.asarray(corpus.images[rows]), prompts, count=NEAREST)
    return comparison_sheet(
        [f"{place + 1}." for place in range(nearest.shape[1])],
        [
            Row(label=prompt, images=[Image.fromarray(np.asarray(corpus.images[rows[place]])) for place in places])
            for prompt, places in zip(prompts, nearest, strict=True)
        ],
    )
