"""The pictures that are trained on, and those that training is measured on.

trained         icons of the training split in looks to train on
kept_contents   kept icons in such looks
kept_looks      icons of the training split in kept looks
"""

import time
from pathlib import Path
from typing import Literal

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import phrases_sha256, style_phrases
from data.corpus.arrays import read_arrays
from data.corpus.draws import Draws, draw_pictures, read_draws
from data.corpus.sampling import weights_by_coverage
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import finish_stage, open_stage

KEPT = ("kept_contents", "kept_looks")


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_all(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Draw the pictures of all three kinds at the base's size, from a seed of their own each."""
    folder, wanted = spec.stage_folder("draws"), spec.draws
    settings = {
        "draws": wanted,
        "size_px": spec.size_px,
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256},
        "made_from": {"phrases": phrases_sha256()},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    started = time.monotonic()

    def write(result: Path) -> None:
        size_px, seed = spec.size_px, spec.seed
        write_draws(spec, corpus, result / "trained", count=wanted.num_pictures, size_px=size_px, seed=seed)
        write_draws(
            spec, corpus, result / "kept_contents", count=wanted.num_kept, size_px=size_px, seed=seed + 1, split="kept"
        )
        write_draws(
            spec, corpus, result / "kept_looks", count=wanted.num_kept, size_px=size_px, seed=seed + 2, kept_looks=True
        )

    return finish_stage(folder, write, seconds=time.monotonic() - started)


def read_drawn(draws: StageRecord, name: str) -> Draws:
    """The pictures of one kind."""
    return read_draws(Path(draws.folder) / name)


def write_draws(
    spec: PretrainSpec,
    corpus: StageRecord,
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
    shown = read_arrays(Path(corpus.folder))
    weights = weights_by_coverage(
        shown.coverage,
        shown.style,
        shown.split == split,
        coverage_weights=spec.draws.coverage_weights,
        rare_weight=spec.draws.rare_weight,
    )
    folder.mkdir()
    draw_pictures(
        spec.stage_folder("corpus") / "shards" / "layers.npy",
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
