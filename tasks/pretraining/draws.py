"""The pictures that are trained on, and those that training is measured on.

trained         icons of the training split in looks to train on
kept_contents   kept icons in such looks
kept_looks      icons of the training split in kept looks
"""

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
from tasks.pretraining.stage_folder import run_stage

KEPT = ("kept_contents", "kept_looks")


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_all(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Draw the pictures of all three kinds at the base's size, from a seed of their own each."""

    def write(_: None, result: Path) -> None:
        count, size_px, seed = spec.draws.num_kept, spec.size_px, spec.seed
        write_draws(spec, corpus, result / "trained", count=spec.draws.num_pictures, size_px=size_px, seed=seed)
        write_draws(spec, corpus, result / KEPT[0], count=count, size_px=size_px, seed=seed + 1, split="kept")
        write_draws(spec, corpus, result / KEPT[1], count=count, size_px=size_px, seed=seed + 2, kept_looks=True)

    return run_stage(
        spec,
        "draws",
        settings={
            "draws": spec.draws,
            "size_px": spec.size_px,
            "seed": spec.seed,
            "made_from": {"phrases": phrases_sha256()},
        },
        inputs={"corpus": corpus},
        make=lambda: None,
        write=write,
    )


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
        Path(corpus.folder) / "layers.npy",
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
