"""Packages to a corpus: list, name, render, drop what is repeated, derive variants, write.

1. list the usable icons of each set; 2. name what each shows, the same way in every set; 3. render on a white
square; 4. drop repeated images; 5. derive variants; 6. write Parquet shards, credits and a summary.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from data.corpus.captions import concepts
from data.corpus.credits import read_licences, write_credits
from data.corpus.emoji import read_emoji_names
from data.corpus.icons import Icon, list_icons
from data.corpus.packages import PACKAGES
from data.corpus.render import Job, render_and_encode, worker_pool
from data.corpus.sets import BASE_SETS, HELD_OUT_SETS
from data.corpus.shards import IMAGE_SIZE_PX, fraction, mixed, write_shards
from data.corpus.variants import EVERYDAY, variant_jobs, variants_made
from data.errors import CorpusError

KEPT_FRACTION = 0.08
"""Share of the images that are kept from training."""


def tables_sha256() -> str:
    """Digest of the tables that say what a corpus shows: its sets and their variants."""
    return hashlib.sha256(repr((BASE_SETS, variants_made())).encode()).hexdigest()


def build_corpus(packages: str | Path, out: str | Path, *, held_out: bool = False) -> dict[str, Any]:
    """Render the training styles and their variants (or the held-out styles alone) and write them to `out`.

    Writes `part-NNNNN.parquet` (about 4000 rows each, images of 128x128 px RGB as lossless WebP), `CREDITS.md` and
    `corpus.json`. The same packages give the same rows in the same order. The image of a variant is in the same
    split as the image it was made from. Returns what `corpus.json` holds.

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
    with worker_pool() as pool:
        seen: set[str] = set()
        made = list(_render_new(pool, [Job(icon, icon.style) for icon in icons], seen))
        if not held_out:
            made += _render_new(pool, variant_jobs([job.icon for job, _ in made], coverage), seen)
    rows = mixed([_row(job, image, coverage) for job, image in made])
    write_shards(rows, out)
    licences = read_licences(packages, sets)
    write_credits(licences, out / "CREDITS.md")
    summary = _summarize(rows, licences)
    (out / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} images, {len(summary['counts'])} styles, {summary['concepts']} concepts")
    print("styles (of 33) that show: " + ", ".join(f"{word} {coverage.get(word, 0)}" for word in EVERYDAY))
    return summary


def _with_concepts(icons: Sequence[Icon], concept_of: Mapping[str, str]) -> list[Icon]:
    return [replace(icon, concept=concept_of.get(icon.caption, icon.caption)) for icon in icons]


def _coverage(icons: Sequence[Icon]) -> dict[str, int]:
    """Concept -> number of styles that show it."""
    shown: dict[str, set[str]] = defaultdict(set)
    for icon in icons:
        shown[icon.concept].add(icon.style)
    return {concept: len(styles) for concept, styles in shown.items()}


def _render_new(pool: Pool, jobs: Sequence[Job], seen: set[str]) -> Iterator[tuple[Job, bytes]]:
    """Render what is neither blank nor in `seen`, by its name or by its pixels; add both to `seen`."""
    for job, (image, digest) in zip(jobs, pool.imap(render_and_encode, jobs, chunksize=64), strict=True):
        if image and seen.isdisjoint((job.image_id, digest)):
            seen.update((job.image_id, digest))
            yield job, image


def _row(job: Job, image: bytes, coverage: Mapping[str, int]) -> dict[str, Any]:
    icon = job.icon
    return {
        "image_id": job.image_id,
        "style": job.style,
        "concept": icon.concept,
        "caption": icon.caption,
        "tags": list(icon.tags),
        # by the base style's name, so that a variant is in the split of its source
        "split": "kept" if fraction(f"{icon.style}/{icon.name}") < KEPT_FRACTION else "train",
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
