"""One subject in one style: two adapters sampled together (StyleDrop, eq. 5 and 6).

    python -m bench.two_adapters [--style NAME] [--base FOLDER] [--out FOLDER]

The subject is one object in three renderings (bench/subjects), tuned with a rare token; the style is that of
one held-out reference. Both adapters draw the same seeds for gamma from 0 to 1. `content` is CLIP's cosine with the
subject's images, `style` that with the style reference, `text` that with the prompt "a teapot in … style".
At gamma 0 and 1 the images are compared, bit for bit, with those of each adapter alone.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch
from PIL import Image

import styledrop
from bench.embedded import FIRST_ROUND, GUIDANCE, LATER_ROUNDS, SAMPLING
from bench.style_bench import first_round_pairs, held_out_reference
from data.corpus.phrases import held_out_phrases
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base, open_scorer

SUBJECTS = Path(__file__).parent / "subjects"
SUBJECT = "teapot"
RARE_SUBJECT = f"sks {SUBJECT}"
GAMMAS = (0.0, 0.25, 0.5, 0.6, 0.7, 0.85, 1.0)
NUM_IMAGES = 8


def subject_images(size_px: int) -> list[Image.Image]:
    """The subject's renderings, of the base's size."""
    paths = sorted(SUBJECTS.glob(f"{SUBJECT}-*.png"))
    return [Image.open(path).convert("RGB").resize((size_px, size_px), Image.Resampling.BOX) for path in paths]


def main() -> None:
    """Tune both adapters and draw the grid."""
    parser = argparse.ArgumentParser(prog="python -m bench.two_adapters")
    parser.add_argument("--style", default="streamline-emojis", choices=held_out_phrases())
    parser.add_argument("--base", default="embedded", help="folder of a base with a clip/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    scorer = open_scorer(arguments.base)
    reference = held_out_reference(arguments.style, base.size_px)
    subject = subject_images(base.size_px)
    pairs = first_round_pairs(reference.image, f"{reference.content_phrase} {reference.style_phrase}")
    style = styledrop.tune(base, pairs, FIRST_ROUND)
    content = styledrop.tune(base, [(image, RARE_SUBJECT) for image in subject], LATER_ROUNDS)

    seeds = list(range(NUM_IMAGES))
    prompts = [f"{SUBJECT} {reference.style_phrase}"] * NUM_IMAGES
    bare = [RARE_SUBJECT] * NUM_IMAGES

    def draw(gamma: float) -> styledrop.Sampled:
        return styledrop.sample(
            base,
            prompts,
            seeds=seeds,
            style=style,
            content=content,
            content_prompts=bare,
            guidance=GUIDANCE.model_copy(update={"gamma": gamma}),
            config=SAMPLING,
        )

    drawn = {gamma: draw(gamma) for gamma in GAMMAS}
    style_alone = styledrop.sample(base, prompts, seeds=seeds, style=style, guidance=GUIDANCE, config=SAMPLING)
    content_alone = styledrop.sample(base, bare, seeds=seeds, style=content, guidance=GUIDANCE, config=SAMPLING)
    rows = [Row(label="reference", images=[reference.image]), Row(label="subject", images=subject)]
    figures: dict[str, dict[str, float]] = {}
    for gamma, of_gamma in drawn.items():
        to_style = scorer.score(of_gamma.images, prompts, [reference.image])
        to_subject = scorer.score(of_gamma.images, prompts, subject)
        rows.append(Row(label=f"gamma {gamma}", images=of_gamma.images))
        figures[str(gamma)] = {
            "text": round(statistics.fmean(to_style.text.tolist()), 4),
            "style": round(statistics.fmean(to_style.style.tolist()), 4),
            "content": round(statistics.fmean(to_subject.style.tolist()), 4),
        }
        print(f"gamma {gamma}: {figures[str(gamma)]}", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"two_adapters_{reference.style}.png"
    comparison_sheet([str(seed) for seed in seeds], rows).save(path)
    print(f"picture: {path}")
    ends = {
        "style_alone_at_0": bool(torch.equal(drawn[0.0].tokens, style_alone.tokens)),
        "content_alone_at_1": bool(torch.equal(drawn[1.0].tokens, content_alone.tokens)),
    }
    print(json.dumps({"gamma": figures, **ends}))


if __name__ == "__main__":
    main()
