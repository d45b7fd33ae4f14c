"""Random pictures from the space of looks: each shows a random icon in a random look, with words for it.

Picture i depends on the seed and i alone, so a longer run starts with the pictures of a shorter one.
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
"""Pictures that a process draws at a time."""
_HAS_A_SIDE = re.compile(
    r"\b(arrows?|left|right|letters?|numbers?|question|text|abc|file|back|next|forward|previous|clock|time|music|musical"
    r"|calendar|currency|dollar|euro|percent|signpost|input|output|log ?in|log ?out|align|undo|redo|[a-z0-9])\b"
)
"""In captions of what a mirror would turn into another thing, or into nothing."""


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

    Raises:
        ValueError: if no icon has a weight.
    """
    if not weights.sum() > 0:
        raise ValueError(f"expected a weight above 0 among {len(weights)} icons to draw {count} pictures of, got none")
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, size_px, size_px, 3))
    images.flush()
    order = _Order(
        layers=layers,
        images=folder / "images.npy",
        styles=styles,
        captions=captions,
        cumulative=np.cumsum(weights / weights.sum()),
        plain={style: tuple(phrases) for style, phrases in plain.items()},
        seed=seed,
        kept_looks=kept_looks,
    )
    drawn = _draw_all(order, count)
    table = pa.table({"row": [row for row, _ in drawn], "phrase": [phrase for _, phrase in drawn]})
    pq.write_table(table, folder / "draws.parquet")


def read_draws(folder: Path) -> Draws:
    """What `draw_pictures` wrote."""
    table = pq.read_table(folder / "draws.parquet")
    return Draws(
        images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False),
        rows=table["row"].to_numpy(),
        phrases=table["phrase"].to_pylist(),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """What is to be drawn; small enough to be sent to every process."""

    layers: Path
    images: Path
    styles: Sequence[str]
    captions: Sequence[str]
    cumulative: np.ndarray
    """Of the icons' weights, which sum to 1."""
    plain: dict[str, tuple[str, ...]]
    seed: int
    kept_looks: bool


class _Painter:
    """Draws what is ordered, with both arrays opened once."""

    def __init__(self, order: _Order) -> None:
        self.order = order
        self.layers = np.load(order.layers, mmap_mode="r", allow_pickle=False)
        self.images = np.load(order.images, mmap_mode="r+", allow_pickle=False)

    def draw(self, number: int) -> tuple[int, str]:
        """Paint the picture of this number; return its row of the corpus and its phrase."""
        order = self.order
        rng = np.random.default_rng([order.seed, number])
        row = min(int(np.searchsorted(order.cumulative, rng.random(), side="right")), len(order.cumulative) - 1)
        style = order.styles[row]
        look = draw_look(style, rng, kept=order.kept_looks)
        placement = draw_placement(rng, may_mirror=_HAS_A_SIDE.search(order.captions[row]) is None)
        phrase = words_of(look, order.plain[style], rng)
        layers = np.asarray(self.layers[row])
        self.images[number] = paint(layers, look, placement, rng, size_px=self.images.shape[1])
        return row, phrase


def _draw_all(order: _Order, count: int) -> list[tuple[int, str]]:
    """Row and phrase of every picture."""
    if count <= _CHUNK:  # a process would take longer to start than to draw them
        painter = _Painter(order)
        return [painter.draw(number) for number in range(count)]
    with multiprocessing.get_context("spawn").Pool(WORKERS, _open_painter, (order,)) as pool:
        return pool.map(_draw_one, range(count), chunksize=_CHUNK)


_painter: _Painter | None = None
"""Of a process of the pool."""


def _open_painter(order: _Order) -> None:
    global _painter
    _painter = _Painter(order)


def _draw_one(number: int) -> tuple[int, str]:
    assert _painter is not None, "the pool opens one in every process"
    return _painter.draw(number)
