"""Is an image that super-resolution makes sharper than the small one scaled up, and nearer to the real one?

    python -m bench.super_resolution [--icons 12] [--base FOLDER] [--out FOLDER]

Real icons of the five held-out styles, none of them a reference, are scaled down to the base's size and tokenized.
From these tokens come three images of twice the size: what the VQGAN draws, scaled up (`scaled_up`); what
super-resolution draws (`enlarged`); and the same with an adapter tuned on the style's one reference (`adapted`).
The figures are mean distances to the real icon: LPIPS without its learnt weights (arXiv 1801.03924, eq. 1), on the
features of the judge, which no part of super-resolution has seen. The picture shows besides what a style's first
round draws, scaled up and enlarged; of these there are no real ones.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import torch
from PIL import Image

import styledrop
from bench.embedded import ENLARGING, FIRST_ROUND, GUIDANCE, SAMPLING
from bench.judge import open_judge
from bench.style_bench import Reference, first_round_pairs, held_out_references
from bench.true_icons import ICONS
from data.documents.prompts import FEW_EVALUATION_PROMPTS
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png
from tasks.models import open_base
from tasks.sampling import draw_seed

ROWS = ("scaled_up", "enlarged", "adapted")
_SHOWN = 6


def main() -> None:
    """Measure all held-out styles and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.super_resolution")
    parser.add_argument("--icons", type=int, default=12, help="of each style, at most 60")
    parser.add_argument("--base", default="embedded", help="folder of a base with super_resolution/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the pictures go")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    judge = open_judge()
    arguments.out.mkdir(parents=True, exist_ok=True)
    distances: dict[str, list[float]] = {row: [] for row in ROWS}
    for reference in held_out_references(base.large.size_px):
        icons, captions = _real_icons(reference.style, arguments.icons, base.large.size_px)
        adapter = styledrop.tune_enlarging(
            base, [(reference.image, f"{reference.content_phrase} {reference.style_phrase}")], ENLARGING
        )
        low = base.tokenize([icon.resize((base.size_px, base.size_px), Image.Resampling.BOX) for icon in icons])
        prompts = [f"{caption} {reference.style_phrase}" for caption in captions]
        made = _three_ways(base, low, prompts, adapter)
        of_style = {row: judge.distances(images, icons) for row, images in made.items()}
        for row, theirs in of_style.items():
            distances[row] += theirs
        figures = ", ".join(f"{row} {sum(theirs) / len(theirs):.4f}" for row, theirs in of_style.items())
        print(f"{reference.style}: {figures}", flush=True)
        drawn = _three_ways(base, *_first_round(base, reference), adapter)
        sheet = [Row(label=f"icon, {row}", images=images[:_SHOWN]) for row, images in made.items()]
        sheet += [Row(label="icon, real", images=icons[:_SHOWN])]
        sheet += [Row(label=f"drawn, {row}", images=images) for row, images in drawn.items()]
        path = arguments.out / f"super_resolution_{reference.style}.png"
        comparison_sheet([""] * _SHOWN, sheet, cell_px=base.large.size_px).save(path)
        print(f"picture: {path}", flush=True)
    means = {row: round(sum(theirs) / len(theirs), 4) for row, theirs in distances.items()}
    print(json.dumps({**means, "images": len(distances["enlarged"])}))


def _three_ways(
    base: styledrop.Base, low: torch.Tensor, prompts: Sequence[str], adapter: styledrop.Adapter
) -> dict[str, list[Image.Image]]:
    seeds = [draw_seed(0, "super-resolution", prompt, place) for place, prompt in enumerate(prompts)]
    size = (base.large.size_px, base.large.size_px)
    return {
        "scaled_up": [image.resize(size, Image.Resampling.BICUBIC) for image in base.render(low)],
        "enlarged": styledrop.enlarge(base, low, prompts, seeds=seeds),
        "adapted": styledrop.enlarge(base, low, prompts, seeds=seeds, style=adapter),
    }


def _real_icons(style: str, count: int, size_px: int) -> tuple[list[Image.Image], list[str]]:
    rows = [row for row in pq.read_table(ICONS).to_pylist() if row["style"] == style][:count]
    icons = [from_png(row["image"]).resize((size_px, size_px), Image.Resampling.BOX) for row in rows]
    return icons, [row["concept"] for row in rows]


def _first_round(base: styledrop.Base, reference: Reference) -> tuple[torch.Tensor, list[str]]:
    small = reference.image.resize((base.size_px, base.size_px), Image.Resampling.BOX)
    pairs = first_round_pairs(small, f"{reference.content_phrase} {reference.style_phrase}")
    prompts = [f"{content} {reference.style_phrase}" for content in FEW_EVALUATION_PROMPTS[:_SHOWN]]
    drawn = styledrop.sample(
        base,
        prompts,
        seeds=[draw_seed(0, "held out", "evaluation", content, 0) for content in FEW_EVALUATION_PROMPTS[:_SHOWN]],
        style=styledrop.tune(base, pairs, FIRST_ROUND, seed=draw_seed(0, "tune", "round_1")),
        guidance=GUIDANCE,
        config=SAMPLING,
    )
    return drawn.tokens, prompts


if __name__ == "__main__":
    main()
