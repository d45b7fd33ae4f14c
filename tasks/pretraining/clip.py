"""The CLIP scorer, for a text encoder that is trained already."""

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.arrays import read_arrays
from data.corpus.phrases import phrases_sha256, style_phrases
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import Made, StageRecord
from styledrop.pretraining.clip import ClipTowers, train_clip, write_open_clip
from styledrop.pretraining.stage import StageRun
from tasks.pretraining.text import open_text
from tasks.pretraining.training import run_training


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_clip(spec: PretrainSpec, made: Made) -> StageRecord:
    """Train the image tower on the training split; the result is an open_clip folder."""
    return run_training(
        spec,
        "clip",
        _train,
        made,
        inputs={"corpus": made["corpus"], "text": made["text"]},
        write=lambda towers, result: write_open_clip(towers, spec.clip, made["text"].path / "tokenizer", result),
        made_from={"phrases": phrases_sha256()},
    )


def _train(spec: PretrainSpec, run: StageRun, made: Made) -> ClipTowers:
    shown = read_arrays(made["corpus"].path)
    rows = np.nonzero(shown.split == "train")[0]
    return train_clip(
        shown.images[rows],
        [shown.caption[row] for row in rows],
        shown.concept[rows].tolist(),
        shown.style[rows].tolist(),
        style_phrases(),
        open_text(made),
        spec.clip,
        run,
    ).eval()
