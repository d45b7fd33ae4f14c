"""The space of looks in pictures: one row for each factor, and rows of looks drawn by chance.

    python -m bench.space_of_looks --work FOLDER [--out FOLDER]

FOLDER is that of `flows.pretrain_base`, of which the corpus is enough.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from data.corpus.arrays import Corpus, read_arrays
from data.corpus.looks import Look, draw_look
from data.corpus.paint import Placement, draw_placement, paint
from data.pictures.contact_sheet import Row, comparison_sheet

_NAVY, _RED, _TEAL, _YELLOW, _PINK, _MINT = (
    (0.1, 0.13, 0.4), (0.8, 0.15, 0.15), (0.05, 0.5, 0.5), (0.98, 0.85, 0.3), (0.98, 0.8, 0.86), (0.78, 0.94, 0.84),
)  # fmt: skip
_LINE, _COLOUR = "tabler", "noto"
_INKED = Look(style=_LINE, ink=_TEAL)
_FILLED = replace(_INKED, fill="flat", fill_colours=(_YELLOW, _PINK), angle=0.7)

FACTORS: dict[str, Sequence[Look]] = {
    "ink": [replace(_INKED, ink=ink) for ink in (_NAVY, _RED, _TEAL, (0.4, 0.2, 0.5), (0.9, 0.45, 0.1))]
    + [replace(_INKED, accent=_RED)],
    "fill": [replace(_FILLED, fill=fill) for fill in ("none", "flat", "offset", "gradient", "hatched", "dotted")],
    "stroke": [replace(_INKED, stroke=wider) for wider in (-0.008, 0.0, 0.015, 0.03)]
    + [replace(_INKED, has_gaps=True), replace(_INKED, roughness=2.2)],
    "rim, shadow": [
        replace(_FILLED, rim=(1.0, 1.0, 1.0), rim_width=0.04, ground="plain", ground_colours=(_TEAL, _TEAL)),
        replace(_FILLED, rim=_PINK, rim_width=0.03),
        *(
            replace(_FILLED, shadow=shadow, shadow_colour=_RED, shadow_offset=(0.06, 0.05))
            for shadow in ("hard", "soft", "long")
        ),
        replace(_FILLED, tilt=0.25, slant=0.2),
    ],
    "ground": [
        replace(_INKED, ground=ground, ground_colours=(_MINT, _PINK), angle=0.8)
        for ground in ("plain", "disc", "tile", "gradient", "stripes", "dots")
    ],
    "palette": [
        Look(style=_COLOUR),
        Look(style=_COLOUR, palette="turned", hue_turn=0.4),
        Look(style=_COLOUR, palette="duotone", palette_colours=(_NAVY, _PINK)),
        Look(style=_COLOUR, palette="tritone", palette_colours=(_NAVY, _RED, _YELLOW)),
        Look(style=_COLOUR, palette="pastel"),
        Look(style=_COLOUR, palette="deep"),
    ],
    "texture": [
        Look(style=_COLOUR, texture=texture)
        for texture in ("grain", "halftone", "pencil", "watercolour", "relief", "glass")
    ],
    "more texture": [Look(style=_COLOUR, texture=texture) for texture in ("neon", "pixels")],
}
CONTENTS = ("house", "umbrella", "crown", "rocket", "bell", "tree")
ROWS_BY_CHANCE = 6


def main() -> None:
    """Draw two pictures."""
    parser = argparse.ArgumentParser(prog="python -m bench.space_of_looks")
    parser.add_argument("--work", type=Path, required=True, help="folder of flows.pretrain_base, with a corpus in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the pictures go")
    arguments = parser.parse_args()
    corpus = read_arrays(arguments.work / "corpus" / "result")
    layers = np.load(arguments.work / "corpus" / "result" / "layers.npy", mmap_mode="r", allow_pickle=False)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for factor, looks in FACTORS.items():
        rng = np.random.default_rng(0)
        images = [_painted(corpus, layers, look, CONTENTS[place], rng) for place, look in enumerate(looks)]
        rows.append(Row(label=factor, images=images))
    comparison_sheet(CONTENTS, rows, cell_px=96).save(arguments.out / "factors.webp", quality=90)
    by_chance(corpus, layers).save(arguments.out / "looks.webp", quality=90)


def _painted(corpus: Corpus, layers: np.ndarray, look: Look, content: str, rng: np.random.Generator) -> Image.Image:
    row = np.nonzero((corpus.style == look.style) & (corpus.concept == content))[0][0]
    return Image.fromarray(paint(np.asarray(layers[row]), look, Placement(), rng))


def by_chance(corpus: Corpus, layers: np.ndarray) -> Image.Image:
    """Icons of widely shown things in looks drawn as for training."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(ROWS_BY_CHANCE):
        images = []
        for style in rng.choice(np.unique(corpus.style), 14):
            icon = rng.choice(np.nonzero((corpus.style == style) & (corpus.coverage >= 15))[0])
            look = draw_look(str(style), rng)
            images.append(
                Image.fromarray(paint(np.asarray(layers[icon]), look, draw_placement(rng, may_mirror=False), rng))
            )
        rows.append(Row(label=str(number + 1), images=images))
    return comparison_sheet([""] * 14, rows, cell_px=64)


if __name__ == "__main__":
    main()
