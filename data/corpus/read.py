"""A corpus in memory: all images as one array, and what they show beside it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data.corpus.render import worker_pool
from data.corpus.shards import IMAGE_SIZE_PX, read_shards


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A corpus in memory; entry i of every column belongs to image i."""

    images: np.ndarray
    """uint8, (images, size, size, 3), RGB."""
    image_id: list[str]
    style: np.ndarray
    """str, (images,): the set."""
    concept: np.ndarray
    """str, (images,): the same key in all styles that show the thing."""
    caption: list[str]
    """What the image shows, in words."""
    tags: list[list[str]]
    split: np.ndarray
    """str, (images,): `train` or `kept`."""
    coverage: np.ndarray
    """int32, (images,): number of the 33 base styles that show the concept."""

    def __len__(self) -> int:
        return len(self.image_id)


def read_corpus(folder: str | Path, size_px: int = IMAGE_SIZE_PX) -> Corpus:
    """Read all shards of a corpus, the images scaled to `size_px` square, in the order in which they were written.

    Raises:
        ValueError: if `size_px` is not in 1..128.
        CorpusError: if the folder holds no shards.
    """
    if not 1 <= size_px <= IMAGE_SIZE_PX:
        raise ValueError(f"size_px must be in 1..{IMAGE_SIZE_PX}, got {size_px}")
    table = read_shards(Path(folder))
    return Corpus(
        images=_decode_all(table["image"].to_pylist(), size_px),
        image_id=table["image_id"].to_pylist(),
        style=np.array(table["style"].to_pylist()),
        concept=np.array(table["concept"].to_pylist()),
        caption=table["caption"].to_pylist(),
        tags=table["tags"].to_pylist(),
        split=np.array(table["split"].to_pylist()),
        coverage=table["style_coverage"].to_numpy().astype(np.int32),
    )


def _decode_all(data: list[bytes], size_px: int) -> np.ndarray:
    jobs = [(data[start : start + 500], size_px) for start in range(0, len(data), 500)]
    with worker_pool() as pool:
        return np.concatenate(list(pool.imap(_decode, jobs)))


def _decode(job: tuple[list[bytes], int]) -> np.ndarray:
    images, size_px = job
    decoded = np.empty((len(images), size_px, size_px, 3), dtype=np.uint8)
    for number, data in enumerate(images):
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("RGB")
        if picture.width != size_px:
            # BOX keeps flat areas and pixel grids free of the ringing that LANCZOS draws around hard edges.
            picture = picture.resize((size_px, size_px), Image.Resampling.BOX)
        decoded[number] = np.asarray(picture)
    return decoded
