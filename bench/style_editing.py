"""Can a style be edited by its words? An adapter is tuned with a phrase, and sampled with words dropped and added.

    python -m bench.style_editing [--base FOLDER] [--out FOLDER]

StyleDrop (Sec. 4.4.2) drops "melting" from "melting golden 3d rendering". Here one held-out reference is tuned with
its descriptive phrase; every row of the picture is a phrase, every column a content, the seeds are the same.
Style is CLIP's cosine with the reference: it should fall where a word of the reference's style is dropped.
"""

import argparse
import json
import statistics
from pathlib import Path

import styledrop
from bench.embedded import FIRST_ROUND, GUIDANCE, SAMPLING
from bench.style_bench import first_round_pairs, held_out_reference
from data.documents.prompts import FEW_EVALUATION_PROMPTS
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base, open_scorer

STYLE = "streamline-cyber-color"
PHRASES = (
    "angular navy outline icon with pale blue facets",
    "angular navy outline icon",
    "navy outline icon with pale blue facets",
    "angular red outline icon with pale yellow facets",
    "angular navy pixel art icon with pale blue facets",
)
"""The reference's own first; then without the facets, without the angles, in other colours, as pixels."""


def main() -> None:
    """Tune once and draw every phrase."""
    parser = argparse.ArgumentParser(prog="python -m bench.style_editing")
    parser.add_argument("--base", default="embedded", help="folder of a base with a clip/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    reference = held_out_reference(STYLE, base.size_px)
    pairs = first_round_pairs(reference.image, f"{reference.content_phrase} in {PHRASES[0]} style")
    style = styledrop.tune(base, pairs, FIRST_ROUND)
    contents = FEW_EVALUATION_PROMPTS[:10]
    rows, figures = [Row(label="reference", images=[reference.image])], {}
    for phrase in PHRASES:
        prompts = [f"{content} in {phrase} style" for content in contents]
        images = styledrop.sample(
            base, prompts, seeds=range(len(prompts)), style=style, guidance=GUIDANCE, config=SAMPLING
        ).images
        rows.append(Row(label=phrase, images=images))
        scores = open_scorer(arguments.base).score(images, prompts, [reference.image])
        figures[phrase] = round(statistics.fmean(scores.style.tolist()), 4)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "style_editing.png"
    comparison_sheet(contents, rows).save(path)
    print(f"picture: {path}")
    print(json.dumps({"style": figures}))


if __name__ == "__main__":
    main()
