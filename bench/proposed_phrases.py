"""Could the base's scorer propose content and style phrases for a picture that comes without words?

    python -m bench.proposed_phrases [--base FOLDER] [--out FOLDER]

Ten icons of the held-out sets whose concepts the scorer's training knew, the first of each set in turn, are given to
the scorer alone. Content: of all of the judge's concepts, the one with the highest Text. Style: with that content
before them, of all phrasings of training styles and of lines in named inks, the one with the highest Text. Each
proposal is printed beside what the set is called, and put beside its icon on a picture: a person looks whether it could
stay as it is. `content` is the share of icons whose own concept was proposed. The last line is JSON.
"""

import argparse
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from bench.judge import open_judge
from bench.true_icons import ICONS
from data.corpus import style_phrases
from data.corpus.looks import LINE
from data.corpus.phrases import held_out_phrases
from data.pictures.contact_sheet import Row, comparison_sheet
from styledrop.scoring import ClipScorer
from tasks.models import open_scorer

COUNT = 10
INKS = (
    "black",
    "dark grey",
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "navy blue",
    "purple",
    "pink",
    "brown",
)


@dataclass(frozen=True, kw_only=True)
class Icon:
    """An icon of a held-out set."""

    style: str
    concept: str
    image: Image.Image


def read_icons(concepts: Sequence[str]) -> list[Icon]:
    """The first icons that show one of `concepts`, of each held-out set in turn."""
    of_sets: dict[str, list[Icon]] = {}
    for row in pq.read_table(ICONS).to_pylist():
        if row["concept"] in concepts:
            image = Image.open(io.BytesIO(row["image"])).convert("RGB")
            of_sets.setdefault(row["style"], []).append(Icon(style=row["style"], concept=row["concept"], image=image))
    turns = itertools.zip_longest(*of_sets.values())
    return [icon for turn in turns for icon in turn if icon is not None][:COUNT]


def vocabulary() -> list[str]:
    """Style phrases to choose from, each once."""
    whole = [phrase for phrases in style_phrases().values() for phrase in phrases]
    inked = [phrase.format(ink=ink) for phrases in LINE.values() for phrase in phrases for ink in INKS]
    return list(dict.fromkeys([*whole, *inked]))


def propose(scorer: ClipScorer, image: Image.Image, contents: Sequence[str], styles: Sequence[str]) -> tuple[str, str]:
    """The content phrase and the style phrase with the highest Text."""
    content = contents[int(scorer.compare([image], contents)[0].argmax())]
    whole = [f"{content} in {style} style" for style in styles]
    return content, styles[int(scorer.compare([image], whole)[0].argmax())]


def main() -> None:
    """Propose for each icon, print and draw it."""
    parser = argparse.ArgumentParser(prog="python -m bench.proposed_phrases")
    parser.add_argument("--base", default="embedded", help="folder of a base with a scorer")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    scorer = open_scorer(arguments.base)
    contents = open_judge().config.concepts
    icons, styles = read_icons(contents), vocabulary()
    rows, right = [], 0
    for icon in icons:
        content, style = propose(scorer, icon.image, contents, styles)
        right += content == icon.concept
        said = f"{content} in {style} style"
        print(f"{icon.concept} in {held_out_phrases()[icon.style][0]}: proposed {said!r}", flush=True)
        rows.append(Row(label=said, images=[icon.image]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    comparison_sheet((), rows, cell_px=64).save(arguments.out / "proposed_phrases.png")
    print(json.dumps({"content": round(right / len(icons), 4), "icons": len(icons), "phrases": len(styles)}))


if __name__ == "__main__":
    main()
