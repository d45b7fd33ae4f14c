"""Images at twice the base's size: which of the corpus, and parts of them as large as the base's images."""

import time
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import read_images
from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from styledrop.super_resolution import SCALE
from tasks.pretraining.generator import sampling_weights
from tasks.pretraining.stage_folder import finish_stage, open_stage


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def draw_large(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Draw images of the training split, and of each a part from a place drawn by chance."""
    folder = spec.stage_folder("large")
    settings = {
        "num_images": spec.super_resolution.num_images,
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    started = time.monotonic()
    weights = sampling_weights(spec, read_arrays(Path(corpus.folder)))
    count = min(spec.super_resolution.num_images, int(np.count_nonzero(weights)))
    rng = np.random.default_rng(spec.seed)
    rows = np.sort(rng.choice(len(weights), count, replace=False, p=weights / weights.sum()))
    images, size = large_images(spec, rows), spec.size_px
    places = rng.integers(images.shape[1] - size + 1, size=(count, 2))
    parts = np.stack(
        [image[top : top + size, left : left + size] for image, (top, left) in zip(images, places, strict=True)]
    )

    def write(result: Path) -> None:
        np.save(result / "rows.npy", rows, allow_pickle=False)
        np.save(result / "parts.npy", parts, allow_pickle=False)

    return finish_stage(folder, write, seconds=time.monotonic() - started)


def read_large(large: StageRecord) -> tuple[Int[np.ndarray, " images"], UInt8[np.ndarray, "images height width 3"]]:
    """The drawn images' rows in the corpus, and the part of each."""
    folder = Path(large.folder)
    return (
        np.load(folder / "rows.npy", allow_pickle=False),
        np.load(folder / "parts.npy", mmap_mode="r", allow_pickle=False),
    )


def large_images(spec: PretrainSpec, rows: Int[np.ndarray, " images"]) -> UInt8[np.ndarray, "images height width 3"]:
    """The corpus' images of `rows` at twice the base's size."""
    images, size = read_images(spec.stage_folder("corpus") / "shards", rows), SCALE * spec.size_px
    if images.shape[1] == size:
        return images
    return np.stack([np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BOX)) for image in images])
