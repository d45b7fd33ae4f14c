"""Packages to a corpus: list, name, render, drop what is repeated, write.

1. list the usable icons of each set; 2. name what each shows, the same way in every set; 3. render on a white
square; 4. drop repeated images; 5. write Parquet shards, layers, credits and a summary.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.corpus.captions import concepts
from data.corpus.credits import read_licences, write_credits
from data.corpus.emoji import read_emoji_names
from data.corpus.icons import Icon, list_icons
from data.corpus.layers import LAYER_PX, NUM_LAYERS, render_all_layers
from data.corpus.packages import PACKAGES
from data.corpus.render import render_and_encode, worker_pool
from data.corpus.sets import BASE_SETS, HELD_OUT_SETS
from data.corpus.shards import IMAGE_SIZE_PX, fraction, mixed, write_shards
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


def build_corpus(packages: str | Path, out: str | Path, *, held_out: bool = False) -> dict[str, Any]:
    """Render the training styles (or the held-out styles alone) and write them to `out`.

    Writes `part-NNNNN.parquet` (about 4000 rows each, images of 128x128 px RGB as lossless WebP), `layers.npy` with
    the layers of every row (`data.corpus.layers`; not for the held-out styles, of which no looks are drawn),
    `CREDITS.md` and `corpus.json`. The same packages give the same rows in the same order. Returns what `corpus.json`
    holds.

    Raises:
        CorpusError: if a package file is missing, or `out` already holds shards of another build.
    """
    packages, out = Path(packages), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if list(out.glob("*.parquet")):
        raise CorpusError(f"{out} already holds a corpus; remove it or choose another folder")
    emoji = read_emoji_names(packages)
    base_icons = list_icons(packages, BASE_SETS, emoji)
    concept_of = concepts(icon.caption for icon in base_icons)
    base_icons = _with_concepts(base_icons, concept_of)
    coverage = _coverage(base_icons)

    sets = HELD_OUT_SETS if held_out else BASE_SETS
    icons = _with_concepts(list_icons(packages, sets, emoji), concept_of) if held_out else base_icons
    made = mixed(list(_render_new(icons)))
    rows = [_row(icon, image, coverage) for icon, image in made]
    write_shards(rows, out)
    if not held_out:
        layers = np.lib.format.open_memmap(
            out / "layers.npy", "w+", np.uint8, (len(made), LAYER_PX, LAYER_PX, NUM_LAYERS)
        )
        render_all_layers([icon for icon, _ in made], layers)
        layers.flush()
    licences = read_licences(packages, sets)
    write_credits(licences, out / "CREDITS.md")
    summary = _summarize(rows, licences)
    (out / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} images, {len(summary['counts'])} styles, {summary['concepts']} concepts")
    return summary


def _with_concepts(icons: Sequence[Icon], concept_of: Mapping[str, str]) -> list[Icon]:
    return [replace(icon, concept=concept_of.get(icon.caption, icon.caption)) for icon in icons]


def _coverage(icons: Sequence[Icon]) -> dict[str, int]:
    """Concept -> number of styles that show it."""
    shown: dict[str, set[str]] = defaultdict(set)
    for icon in icons:
        shown[icon.concept].add(icon.style)
    return {concept: len(styles) for concept, styles in shown.items()}


def _render_new(icons: Sequence[Icon]) -> Iterator[tuple[Icon, bytes]]:
    """Render what is neither blank nor there already, by its name or by its pixels."""
    seen: set[str] = set()
    with worker_pool() as pool:
        for icon, (image, digest) in zip(icons, pool.imap(render_and_encode, icons, chunksize=64), strict=True):
            if image and seen.isdisjoint((icon.image_id, digest)):
                seen.update((icon.image_id, digest))
                yield icon, image


def _row(icon: Icon, image: bytes, coverage: Mapping[str, int]) -> dict[str, Any]:
    return {
        "image_id": icon.image_id,
        "style": icon.style,
        "concept": icon.concept,
        "caption": icon.caption,
        "tags": list(icon.tags),
        "split": "kept" if fraction(icon.image_id) < KEPT_FRACTION else "train",
        "style_coverage": coverage.get(icon.concept, 0),
        "image": image,
    }


def _summarize(rows: Sequence[Mapping[str, Any]], licences: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What `corpus.json` holds."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row["image"])
    return {
        "packages": dict(PACKAGES.values()),
        "images": len(rows),
        "image_size_px": IMAGE_SIZE_PX,
        "counts": dict(sorted(Counter(row["style"] for row in rows).items())),
        "splits": dict(sorted(Counter(row["split"] for row in rows).items())),
        "concepts": len({row["concept"] for row in rows}),
        "licences": licences,
        "sha256": digest.hexdigest(),
    }
