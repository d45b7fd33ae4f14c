"""Pictures drawn from the space of looks: of every picture the icon, the look and the words are drawn by chance.

Picture i follows from the seed and i alone, so a longer run starts with the pictures of a shorter one.
"""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.corpus.looks import draw_look, words_of
from data.corpus.paint import draw_placement, paint
from data.corpus.render import WORKERS

_CHUNK = 200
_HAS_A_SIDE = re.compile(
    r"\b(arrows?|left|right|letters?|numbers?|question|text|abc|file|back|next|forward|previous|clock|time|music|musical"
    r"|calendar|currency|dollar|euro|percent|signpost|input|output|log ?in|log ?out|align|undo|redo|[a-z0-9])\b"
)
"""Words of what is another thing in a mirror, or none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """Drawn pictures; entry i of every column belongs to picture i."""

    images: np.ndarray
    """uint8, (pictures, size, size, 3), RGB; on disk until they are looked at."""
    rows: np.ndarray
    """int64, (pictures,): row of the corpus whose icon is shown."""
    phrases: list[str]
    """Words for the look."""


def draw_pictures(
    layers: Path,
    styles: Sequence[str],
    captions: Sequence[str],
    weights: np.ndarray,
    plain: Mapping[str, Sequence[str]],
    folder: Path,
    *,
    count: int,
    size_px: int,
    seed: int,
    kept_looks: bool = False,
) -> None:
    """Draw `count` pictures into `folder`: `images.npy` and `draws.parquet`, for `read_draws`.

    `layers` is the corpus' `layers.npy`; `styles`, `captions` and `weights` (how often each is drawn) have an entry
    for each of its rows. `plain` has phrasings of every set's own look. With `kept_looks`, all looks are ones that are
    kept from training, else none is.
    """
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, size_px, size_px, 3))
    images.flush()
    cumulative = np.cumsum(weights / weights.sum())
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    shared = (layers, folder / "images.npy", list(styles), list(captions), cumulative, dict(plain), seed, kept_looks)
    rows: list[int] = []
    phrases: list[str] = []
    with multiprocessing.get_context("spawn").Pool(WORKERS, _open_worker, shared) as pool:
        for of_rows, of_phrases in pool.imap(_draw_chunk, chunks):
            rows += of_rows
            phrases += of_phrases
    pq.write_table(pa.table({"row": rows, "phrase": phrases}), folder / "draws.parquet")


def read_draws(folder: Path) -> Draws:
    """What `draw_pictures` wrote."""
    table = pq.read_table(folder / "draws.parquet")
    return Draws(
        images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False),
        rows=table["row"].to_numpy(),
        phrases=table["phrase"].to_pylist(),
    )


class _Worker:
    """What every chunk of a process needs, opened once."""

    def __init__(
        self,
        layers: Path,
        images: Path,
        styles: list[str],
        captions: list[str],
        cumulative: np.ndarray,
        plain: dict[str, Sequence[str]],
        seed: int,
        kept_looks: bool,
    ) -> None:
        self.layers = np.load(layers, mmap_mode="r", allow_pickle=False)
        self.images = np.load(images, mmap_mode="r+", allow_pickle=False)
        self.styles, self.captions, self.cumulative, self.plain = styles, captions, cumulative, plain
        self.seed, self.kept_looks = seed, kept_looks

    def draw(self, number: int) -> tuple[int, str]:
        rng = np.random.default_rng([self.seed, number])
        row = min(int(np.searchsorted(self.cumulative, rng.random(), side="right")), len(self.cumulative) - 1)
        style = self.styles[row]
        look = draw_look(style, rng, kept=self.kept_looks)
        placement = draw_placement(rng, may_mirror=_HAS_A_SIDE.search(self.captions[row]) is None)
        phrase = words_of(look, tuple(self.plain[style]), rng)
        layers = np.asarray(self.layers[row])
        self.images[number] = paint(layers, look, placement, rng, size_px=self.images.shape[1])
        return row, phrase


_worker: _Worker | None = None


def _open_worker(*shared: object) -> None:
    global _worker
    _worker = _Worker(*shared)  # type: ignore[arg-type]  # what `draw_pictures` put together


def _draw_chunk(numbers: range) -> tuple[list[int], list[str]]:
    assert _worker is not None, "the pool opens one in every process"
    drawn = [_worker.draw(number) for number in numbers]
    return [row for row, _ in drawn], [phrase for _, phrase in drawn]
