"""The CLIP scorer, for a text encoder that stands."""

from pathlib import Path

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import phrases_sha256, style_phrases
from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from styledrop.pretraining.clip import ClipTowers, train_clip, write_open_clip
from styledrop.pretraining.processes import train_in_processes
from tasks.pretraining.stage_folder import run_stage
from tasks.pretraining.text import open_text
from tasks.pretraining.training_report import training_report


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_clip(spec: PretrainSpec, corpus: StageRecord, text: StageRecord) -> StageRecord:
    """Train the image tower on the training split; the result is an open_clip folder."""
    return run_stage(
        spec,
        "clip",
        settings={"clip": spec.clip, "seed": spec.seed, "made_from": {"phrases": phrases_sha256()}},
        inputs={"corpus": corpus, "text": text},
        make=lambda: train_in_processes(spec.processes, _train, spec, corpus, text).eval(),
        write=lambda towers, result: write_open_clip(towers, spec.clip, Path(text.folder) / "tokenizer", result),
    )


def _train(spec: PretrainSpec, corpus: StageRecord, text: StageRecord) -> ClipTowers:
    shown = read_arrays(Path(corpus.folder))
    rows = np.nonzero(shown.split == "train")[0]
    with training_report("CLIP", spec.clip.schedule) as report:
        return train_clip(
            shown.images[rows],
            [shown.caption[row] for row in rows],
            shown.concept[rows].tolist(),
            shown.style[rows].tolist(),
            style_phrases(),
            open_text(text),
            spec.clip,
            spec.stage_folder("clip"),
            seed=spec.seed,
            report=report,
        )
