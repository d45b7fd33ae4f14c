"""Could the base's scorer propose content and style phrases for a picture that comes without words?

    python -m bench.proposed_phrases [--base FOLDER] [--out FOLDER]

Ten icons of the held-out sets whose concepts the scorer's training knew, the first of each set in turn, are given to
the scorer alone, which proposes as the pipeline does (`tasks.onboarding.propose_phrases`) from the base's vocabulary.
Each proposal is printed beside what the set is called, and put beside its icon on a picture: a person looks whether it
could stay as it is. `content` is the share of icons whose own concept was proposed. The last line is JSON.
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

from bench.true_icons import ICONS
from data.corpus.phrases import held_out_phrases
from data.documents.vocabulary import read_vocabulary
from data.documents.words import whole_prompt
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base, open_scorer
from tasks.onboarding.propose_phrases import best_content, best_style

COUNT = 10


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


def main() -> None:
    """Propose for each icon, print and draw it."""
    parser = argparse.ArgumentParser(prog="python -m bench.proposed_phrases")
    parser.add_argument("--base", default="embedded", help="folder of a base with a scorer")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    scorer = open_scorer(arguments.base)
    vocabulary = read_vocabulary(open_base(arguments.base).folder)
    icons = read_icons(vocabulary.contents)
    rows, right = [], 0
    for icon in icons:
        content = best_content(scorer, icon.image, vocabulary.contents)
        right += content == icon.concept
        said = whole_prompt(content, best_style(scorer, [icon.image], [content], vocabulary.styles))
        print(f"{icon.concept} in {held_out_phrases()[icon.style][0]}: proposed {said!r}", flush=True)
        rows.append(Row(label=said, images=[icon.image]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    comparison_sheet((), rows, cell_px=64).save(arguments.out / "proposed_phrases.png")
    print(json.dumps({"content": round(right / len(icons), 4), "icons": len(icons), "phrases": len(vocabulary.styles)}))


if __name__ == "__main__":
    main()
