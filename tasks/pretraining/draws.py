"""The pictures that are trained on, and those that training is measured on.

trained         icons of the training split in looks to train on
kept_contents   kept icons in such looks
kept_looks      icons of the training split in kept looks

Those for super-resolution are twice as large, and a few of kept icons lie beside them, to look at.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.arrays import read_arrays
from data.corpus.draws import Draws, draw_pictures, read_draws
from data.corpus.phrases import phrases_sha256, style_phrases
from data.corpus.sampling import weights_by_coverage
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import Made, StageRecord
from styledrop.super_resolution import SCALE
from tasks.pretraining.stage_folder import run_stage

KEPT = ("kept_contents", "kept_looks")
NUM_SHOWN = 8
"""Large pictures of kept icons."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_all(spec: PretrainSpec, made: Made) -> StageRecord:
    """Draw the pictures of all three kinds at the base's size, from a seed of their own each."""

    def write(_: None, result: Path) -> None:
        count, size_px, seed = spec.draws.num_kept, spec.size_px, spec.seed
        _write_draws(spec, made, result / "trained", count=spec.draws.num_pictures, size_px=size_px, seed=seed)
        _write_draws(spec, made, result / KEPT[0], count=count, size_px=size_px, seed=seed + 1, split="kept")
        _write_draws(spec, made, result / KEPT[1], count=count, size_px=size_px, seed=seed + 2, kept_looks=True)

    return run_stage(
        spec,
        "draws",
        settings={
            "draws": spec.draws,
            "size_px": spec.size_px,
            "seed": spec.seed,
            "made_from": {"phrases": phrases_sha256()},
        },
        inputs={"corpus": made["corpus"]},
        make=lambda: None,
        write=write,
    )


def read_drawn(draws: StageRecord, name: str) -> Draws:
    """The pictures of one kind."""
    return read_draws(draws.path / name)


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_large(spec: PretrainSpec, made: Made) -> StageRecord:
    """Draw pictures at twice the base's size: to train on (`trained`), and a few of kept icons (`kept`)."""
    count, size_px = spec.super_resolution.num_images, SCALE * spec.size_px

    def write(_: None, result: Path) -> None:
        # Seeds after those of `draw_all`.
        _write_draws(spec, made, result / "trained", count=count, size_px=size_px, seed=spec.seed + 3)
        _write_draws(spec, made, result / "kept", count=NUM_SHOWN, size_px=size_px, seed=spec.seed + 4, split="kept")

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
        inputs={"corpus": made["corpus"]},
        make=lambda: None,
        write=write,
    )


def scaled_down(images: UInt8[np.ndarray, "images height width 3"]) -> UInt8[np.ndarray, "images rows columns 3"]:
    """The images at half their size, each pixel the mean of four."""
    size = (images.shape[2] // SCALE, images.shape[1] // SCALE)
    small = [np.asarray(Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BOX)) for image in images]
    return np.stack(small)


def _write_draws(
    spec: PretrainSpec,
    made: Made,
    folder: Path,
    *,
    count: int,
    size_px: int,
    seed: int,
    split: Literal["train", "kept"] = "train",
    kept_looks: bool = False,
) -> None:
    """Draw `count` pictures of the icons of `split` into `folder`, more of the concepts that many styles show.

    Raises:
        ValueError: if the corpus has no icon of `split`.
    """
    corpus = made["corpus"].path
    shown = read_arrays(corpus)
    weights = weights_by_coverage(
        shown.coverage,
        shown.style,
        shown.split == split,
        coverage_weights=spec.draws.coverage_weights,
        rare_weight=spec.draws.rare_weight,
    )
    folder.mkdir()
    draw_pictures(
        corpus / "layers.npy",
        shown.style.tolist(),
        shown.caption,
        weights,
        style_phrases(),
        folder,
        count=count,
        size_px=size_px,
        seed=seed,
        kept_looks=kept_looks,
    )
