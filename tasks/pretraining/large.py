"""Pictures at twice the base's size, for super-resolution."""

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
from tasks.pretraining.stage_folder import run_stage

NUM_SHOWN = 8
"""Pictures of kept icons, to look at."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_large(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Draw pictures to train on (`trained`), and a few of kept icons (`kept`)."""
    count, size_px = spec.super_resolution.num_images, SCALE * spec.size_px

    def write(_: None, result: Path) -> None:
        # Seeds after those of `draw_all`.
        write_draws(spec, corpus, result / "trained", count=count, size_px=size_px, seed=spec.seed + 3)
        write_draws(spec, corpus, result / "kept", count=NUM_SHOWN, size_px=size_px, seed=spec.seed + 4, split="kept")

    return run_stage(
        spec,
        "large",
        settings={
            "num_images": count,
            "coverage_weights": spec.draws.coverage_weights,
            "rare_weight": spec.draws.rare_weight,
            "size_px": spec.size_px,
            "seed": spec.seed,
        },
        inputs={"corpus": corpus},
        make=lambda: None,
        write=write,
    )


def scaled_down(images: UInt8[np.ndarray, "images height width 3"]) -> UInt8[np.ndarray, "images rows columns 3"]:
    """The images at half their size, each pixel the mean of four."""
    size = (images.shape[2] // SCALE, images.shape[1] // SCALE)
    small = [np.asarray(Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BOX)) for image in images]
    return np.stack(small)
