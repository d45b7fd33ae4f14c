"""Pictures at twice the base's size, for super-resolution."""

import time
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from styledrop.super_resolution import SCALE
from tasks.pretraining.draws import write_draws
from tasks.pretraining.stage_folder import finish_stage, open_stage

NUM_SHOWN = 8
"""Pictures of kept icons, to look at."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_large(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Draw pictures to train on (`trained`), and a few of kept icons (`kept`)."""
    folder, count = spec.stage_folder("large"), spec.super_resolution.num_images
    settings = {
        "num_images": count,
        "coverage_weights": spec.draws.coverage_weights,
        "rare_weight": spec.draws.rare_weight,
        "size_px": spec.size_px,
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    started, size_px = time.monotonic(), SCALE * spec.size_px

    def write(result: Path) -> None:
        # Seeds after those of `draw_all`.
        write_draws(spec, corpus, result / "trained", count=count, size_px=size_px, seed=spec.seed + 3)
        write_draws(spec, corpus, result / "kept", count=NUM_SHOWN, size_px=size_px, seed=spec.seed + 4, split="kept")

    return finish_stage(folder, write, seconds=time.monotonic() - started)


def scaled_down(images: UInt8[np.ndarray, "images height width 3"]) -> UInt8[np.ndarray, "images rows columns 3"]:
    """The images at half their size, each pixel the mean of four."""
    size = (images.shape[2] // SCALE, images.shape[1] // SCALE)
    small = [np.asarray(Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BOX)) for image in images]
    return np.stack(small)
