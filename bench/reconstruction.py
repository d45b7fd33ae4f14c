"""What the VQGAN alone keeps: real icons, encoded and decoded, named by the judge.

    python -m bench.reconstruction --work FOLDER [--base FOLDER] [--out FOLDER]

FOLDER is `flows.pretrain_base`'s, of which the corpus is enough. The icons are those of `bench.base_quality`'s
styles that neither base nor judge was trained on. `style_real` is the judge's accuracy on them as they are,
`style_decoded` after the VQGAN. No bound for a base's samples, which may show simpler things. `psnr` is in dB,
the mean over icons. A picture shows some icons of each style and what became of them.
"""

import argparse
import json
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import styledrop
from bench.base_quality import STYLES
from bench.judge import Judge, open_judge
from data.corpus.arrays import Corpus, read_arrays
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base

BATCH_SIZE = 64
SHOWN = 12
"""Icons of each style in the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Of one style's icons: the shares taken for their own style, and how near the decoded ones are."""

    real: float
    decoded: float
    psnr: float
    icons: int
    rows: tuple[Row, Row]
    """The first of them as they are, and decoded."""


def main() -> None:
    """Measure a base's VQGAN and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconstruction")
    parser.add_argument("--work", type=Path, required=True, help="folder of flows.pretrain_base, with a corpus in it")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    judge = open_judge()
    corpus = read_arrays(arguments.work / "corpus" / "result")
    kept: list[Kept] = []
    for style in STYLES:
        of_style = measure(base, judge, corpus, style)
        print(
            f"{style:28} real {of_style.real:.2f}  decoded {of_style.decoded:.2f}  {of_style.psnr:.1f} dB", flush=True
        )
        kept.append(of_style)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "reconstruction.png"
    comparison_sheet([""] * SHOWN, [row for style in kept for row in style.rows], cell_px=64).save(path)
    print(f"picture: {path}")
    figures = {
        "style_real": round(statistics.fmean(style.real for style in kept), 4),
        "style_decoded": round(statistics.fmean(style.decoded for style in kept), 4),
        "psnr": round(statistics.fmean(style.psnr for style in kept), 2),
        "icons": sum(style.icons for style in kept),
    }
    print(json.dumps(figures))


def measure(base: styledrop.Base, judge: Judge, corpus: Corpus, style: str) -> Kept:
    """Encode and decode the style's kept icons, and ask the judge for the style of both.

    Raises:
        ValueError: the corpus has none.
    """
    rows = np.nonzero((corpus.style == style) & (corpus.split == "kept"))[0]
    if not len(rows):
        raise ValueError(f"expected kept icons of {style!r} in the corpus, got none; name the folder of a whole corpus")
    icons = [Image.fromarray(np.asarray(corpus.images[row])) for row in rows]
    decoded: list[Image.Image] = []
    for start in range(0, len(icons), BATCH_SIZE):
        decoded += base.render(base.tokenize(icons[start : start + BATCH_SIZE]))
    return Kept(
        real=_share(judge, icons, style),
        decoded=_share(judge, decoded, style),
        psnr=statistics.fmean(_psnr(a, b) for a, b in zip(icons, decoded, strict=True)),
        icons=len(icons),
        rows=(Row(label=style, images=icons[:SHOWN]), Row(label="decoded", images=decoded[:SHOWN])),
    )


def _share(judge: Judge, icons: list[Image.Image], style: str) -> float:
    return statistics.fmean(named == style for named in judge.classify(icons).styles)


def _psnr(real: Image.Image, decoded: Image.Image) -> float:
    difference = np.asarray(real, np.float64) - np.asarray(decoded, np.float64)
    squared = max(float(np.mean(difference**2)), 1.0)  # an icon that comes back whole is no infinity
    return 10 * math.log10(255**2 / squared)


if __name__ == "__main__":
    main()
