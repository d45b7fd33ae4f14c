"""Packages to a corpus: list, name, render, drop what is repeated, write.

1. list the usable icons of each set; 2. name what each shows, the same way in every set; 3. render on a white
square; 4. drop repeated images; 5. write images, labels, layers, credits and a summary.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data.corpus.arrays import write_labels
from data.corpus.captions import concepts
from data.corpus.credits import read_licences, write_credits
from data.corpus.emoji import read_emoji_names
from data.corpus.icons import Icon, list_icons
from data.corpus.layers import LAYER_PX, NUM_LAYERS, render_all_layers
from data.corpus.packages import PACKAGES
from data.corpus.render import IMAGE_SIZE_PX, render_at, worker_pool
from data.corpus.sets import BASE_SETS, HELD_OUT_SETS
from data.corpus.synonyms import SET_NAMES, SYNONYMS
from data.errors import CorpusError

KEPT_FRACTION = 0.08
"""Share of the images that are kept from training."""


def tables_sha256() -> str:
    """Digest of the table that says what a corpus shows: its sets."""
    return hashlib.sha256(repr(BASE_SETS).encode()).hexdigest()


def words_sha256() -> str:
    """Digest of the tables by which the icons of all sets are named the same way."""
    return hashlib.sha256(repr((SYNONYMS, SET_NAMES)).encode()).hexdigest()


def build_corpus(
    packages: str | Path, out: str | Path, size_px: int = IMAGE_SIZE_PX, *, held_out: bool = False
) -> dict[str, Any]:
    """Render the training styles (or the held-out styles alone) and write them to `out`.

    Writes what `data.corpus.arrays` reads, images of `size_px`; `layers.npy` with the layers of every row
    (`data.corpus.layers`; not for the held-out styles, of which no looks are drawn); `CREDITS.md` and `corpus.json`.
    The same packages give the same rows in the same order. Returns what `corpus.json` holds.

    Raises:
        ValueError: if `size_px` is not in 1..128.
        CorpusError: if a package file is missing, or `out` already holds another build.
    """
    if not 1 <= size_px <= IMAGE_SIZE_PX:
        raise ValueError(f"size_px must be in 1..{IMAGE_SIZE_PX}, got {size_px}")
    packages, out = Path(packages), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if (out / "images.npy").exists():
        raise CorpusError(f"{out} already holds a corpus; remove it or choose another folder")
    emoji = read_emoji_names(packages)
    base_icons = list_icons(packages, BASE_SETS, emoji)
    concept_of = concepts(icon.caption for icon in base_icons)
    base_icons = _with_concepts(base_icons, concept_of)
    coverage = _coverage(base_icons)

    sets = HELD_OUT_SETS if held_out else BASE_SETS
    wanted = _with_concepts(list_icons(packages, sets, emoji), concept_of) if held_out else base_icons
    # In an order that mixes the styles, the same in every build.
    made = sorted(_render_new(wanted, size_px), key=lambda one: _fraction(f"order 1 {one[0].image_id}"))
    icons = [icon for icon, _ in made]
    images = np.lib.format.open_memmap(out / "images.npy", "w+", np.uint8, (len(made), size_px, size_px, 3))
    for row, (_, image) in enumerate(made):
        images[row] = image
    images.flush()
    write_labels(_labels(icons, coverage), out)
    if not held_out:
        shape = (len(icons), LAYER_PX, LAYER_PX, NUM_LAYERS)
        layers = np.lib.format.open_memmap(out / "layers.npy", "w+", np.uint8, shape)
        render_all_layers(icons, layers)
        layers.flush()
    licences = read_licences(packages, sets)
    write_credits(licences, out / "CREDITS.md")
    summary = _summarize(icons, images, licences)
    (out / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"{len(icons)} images, {len(summary['counts'])} styles, {summary['concepts']} concepts")
    return summary


def _with_concepts(icons: Sequence[Icon], concept_of: Mapping[str, str]) -> list[Icon]:
    return [replace(icon, concept=concept_of.get(icon.caption, icon.caption)) for icon in icons]


def _coverage(icons: Sequence[Icon]) -> dict[str, int]:
    """Concept -> number of styles that show it."""
    shown: dict[str, set[str]] = defaultdict(set)
    for icon in icons:
        shown[icon.concept].add(icon.style)
    return {concept: len(styles) for concept, styles in shown.items()}


def _render_new(icons: Sequence[Icon], size_px: int) -> Iterator[tuple[Icon, np.ndarray]]:
    """Render what is neither blank nor there already, by its name or by its pixels."""
    seen: set[str] = set()
    with worker_pool() as pool:
        rendered = pool.imap(partial(render_at, size_px=size_px), icons, chunksize=64)
        for icon, (image, digest) in zip(icons, rendered, strict=True):
            if image is not None and seen.isdisjoint((icon.image_id, digest)):
                seen.update((icon.image_id, digest))
                yield icon, image


def _labels(icons: Sequence[Icon], coverage: Mapping[str, int]) -> dict[str, list[Any]]:
    return {
        "image_id": [icon.image_id for icon in icons],
        "style": [icon.style for icon in icons],
        "concept": [icon.concept for icon in icons],
        "caption": [icon.caption for icon in icons],
        "tags": [list(icon.tags) for icon in icons],
        "split": [_split(icon) for icon in icons],
        "coverage": [coverage.get(icon.concept, 0) for icon in icons],
    }


def _split(icon: Icon) -> str:
    return "kept" if _fraction(icon.image_id) < KEPT_FRACTION else "train"


def _fraction(text: str) -> float:
    """A pseudorandom number in [0, 1) that depends on the text only, so it is the same in every build."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _summarize(icons: Sequence[Icon], images: np.ndarray, licences: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What `corpus.json` holds."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(image.tobytes())
    return {
        "packages": dict(PACKAGES.values()),
        "images": len(icons),
        "image_size_px": images.shape[1],
        "counts": dict(sorted(Counter(icon.style for icon in icons).items())),
        "splits": dict(sorted(Counter(map(_split, icons)).items())),
        "concepts": len({icon.concept for icon in icons}),
        "licences": licences,
        "sha256": digest.hexdigest(),
    }
