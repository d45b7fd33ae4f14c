"""Does the leak guard tell adapters that repeat their reference from those that do not? About ten minutes on two cores.

    python -m bench.leak_guard [--base FOLDER] [--out FOLDER]

Six references are drawn here: six contents, each in a look of its own, none of them from any corpus. For each:

    default   tuned as a spec's first round is, at λ_A 1 and 2
    perfect   the other five contents drawn in its look: what an adapter would draw that has learnt the look alone
    leaking   all weights over-trained until they repeat the reference, on it alone and on its views, at λ_A 2 and 3

The leak of each set is measured as in the pipeline, over the base's images of the same prompts and seeds; that of the
perfect ones over the same contents in their own looks, as a perfect base would draw them.
The last line says how well it tells leaking sets from all others: `auc`, and at the best `threshold` the shares of
`false_alarms` and `misses`, each reference judged by the threshold that is best for the five others. `styledrop.leak`
has that threshold as a constant. Pictures of all sets go to the folder.
"""

import argparse
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

import styledrop
from bench.embedded import FIRST_ROUND, GUIDANCE, SAMPLING
from bench.style_bench import first_round_pairs
from data.documents.prompts import FEW_EVALUATION_PROMPTS
from data.pictures.contact_sheet import Row, comparison_sheet
from styledrop.leak import THRESHOLD, excess_likeness
from tasks.models import open_base
from tasks.sampling import draw_seed

PROMPTS = FEW_EVALUATION_PROMPTS[:12]
CANVAS_PX = 256

OVER_TRAINED = styledrop.FullFineTuning(steps=60, learning_rate=1e-3)
"""All weights, since the embedded base's adapters are too small to repeat a reference however long they are tuned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a content is drawn."""

    words: str
    fill: str
    outline: str
    width_px: int
    back: str


REFERENCES = {
    "star": Look(words="in red with black outline style", fill="crimson", outline="black", width_px=9, back="white"),
    "house": Look(words="in cream, brown outline style", fill="cornsilk", outline="brown", width_px=7, back="white"),
    "cup": Look(words="in flat green style", fill="seagreen", outline="seagreen", width_px=1, back="white"),
    "key": Look(words="in gold on navy style", fill="gold", outline="gold", width_px=1, back="navy"),
    "arrow": Look(words="in pink outline style", fill="mistyrose", outline="hotpink", width_px=9, back="mistyrose"),
    "heart": Look(words="in violet with black outline style", fill="orchid", outline="black", width_px=5, back="plum"),
}
"""Contents and their looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A set of images in the look of one reference."""

    reference: str
    kind: str
    leak: float

    @property
    def is_leaking(self) -> bool:
        """Whether it was made to leak."""
        return self.kind.startswith("leaking")


def drawn(content: str, look: Look, size_px: int) -> Image.Image:
    """A content in a look."""
    inside = Image.new("L", (CANVAS_PX, CANVAS_PX))
    draw = ImageDraw.Draw(inside)
    match content:
        case "star":
            radii = [100 if number % 2 == 0 else 42 for number in range(10)]
            angles = [math.pi * (number / 5 - 0.5) for number in range(10)]
            points = [
                (128 + radius * math.cos(angle), 134 + radius * math.sin(angle))
                for radius, angle in zip(radii, angles, strict=True)
            ]
            draw.polygon(points, fill=255)
        case "house":
            draw.polygon([(30, 126), (128, 36), (226, 126), (198, 126), (198, 220), (58, 220), (58, 126)], fill=255)
            draw.rectangle((110, 160, 146, 220), fill=0)
        case "cup":
            draw.ellipse((140, 76, 232, 168), fill=255)
            draw.ellipse((160, 96, 212, 148), fill=0)
            draw.rectangle((44, 56, 180, 204), fill=255)
        case "key":
            draw.rectangle((110, 112, 230, 144), fill=255)
            draw.rectangle((176, 140, 196, 184), fill=255)
            draw.rectangle((212, 140, 230, 184), fill=255)
            draw.ellipse((24, 74, 124, 182), fill=255)
            draw.ellipse((52, 104, 92, 152), fill=0)
        case "arrow":
            draw.polygon([(28, 104), (140, 104), (140, 50), (230, 128), (140, 206), (140, 152), (28, 152)], fill=255)
        case "heart":
            draw.ellipse((34, 50, 136, 152), fill=255)
            draw.ellipse((120, 50, 222, 152), fill=255)
            draw.polygon([(44, 130), (212, 130), (128, 226)], fill=255)
    image = Image.new("RGB", inside.size, look.back)
    image.paste(look.outline, mask=inside.filter(ImageFilter.MaxFilter(2 * look.width_px + 1)))
    image.paste(look.fill, mask=inside)
    return image.resize((size_px, size_px), Image.Resampling.LANCZOS)


def measure(base: styledrop.Base, content: str) -> tuple[list[Measured], list[Row]]:
    """All sets in the look of one reference, with their pictures."""
    look = REFERENCES[content]
    reference = drawn(content, look, base.size_px)
    prompts = [f"{phrase} {look.words}" for phrase in PROMPTS]
    seeds = [draw_seed(0, "leak guard", phrase) for phrase in PROMPTS]

    def sampled(style: styledrop.Tuned | None, lambda_a: float) -> list[Image.Image]:
        return styledrop.sample(
            base,
            prompts,
            seeds=seeds,
            style=style,
            guidance=GUIDANCE.model_copy(update={"lambda_a": lambda_a}),
            config=SAMPLING,
        ).images

    prompt = f"{content} {look.words}"
    default = styledrop.tune(base, first_round_pairs(reference, prompt), FIRST_ROUND)
    on_one = styledrop.tune(base, [(reference, prompt)], OVER_TRAINED)
    on_views = styledrop.tune(base, first_round_pairs(reference, prompt), OVER_TRAINED)
    untuned = sampled(None, 0.0)
    others = [drawn(other, look, base.size_px) for other in REFERENCES if other != content]
    plain = [drawn(other, own, base.size_px) for other, own in REFERENCES.items() if other != content]
    sets = {
        "perfect": base.render(base.tokenize(others)),
        "default, lambda_A 1": sampled(default, 1.0),
        "default, lambda_A 2": sampled(default, 2.0),
        "leaking, lambda_A 2": sampled(on_one, 2.0),
        "leaking, lambda_A 3": sampled(on_one, 3.0),
        "leaking, views, lambda_A 2": sampled(on_views, 2.0),
        "leaking, views, lambda_A 3": sampled(on_views, 3.0),
    }
    measured = []
    for kind, images in sets.items():
        without = base.render(base.tokenize(plain)) if kind == "perfect" else untuned
        leak = statistics.fmean(excess_likeness([reference], images, without))
        measured.append(Measured(reference=content, kind=kind, leak=leak))
        print(f"{content:6} {kind:26} leak {leak:6.3f}", flush=True)
    rows = [Row(label=content, images=[reference]), Row(label="base", images=untuned)]
    return measured, rows + [Row(label=f"{one.kind}: {one.leak:.2f}", images=sets[one.kind]) for one in measured]


def best_threshold(measured: Sequence[Measured]) -> float:
    """Where fewest are judged wrongly; in the middle of the widest such gap."""
    leaks = sorted(one.leak for one in measured)
    gaps = [((low + high) / 2, high - low) for low, high in zip(leaks, leaks[1:], strict=False)]
    return min(gaps, key=lambda gap: (sum(_is_wrong(one, gap[0]) for one in measured), -gap[1]))[0]


def summarize(measured: Sequence[Measured]) -> dict[str, float]:
    """How well leaking sets are told from others."""
    leaking, clean = ([one.leak for one in measured if one.is_leaking is wanted] for wanted in (True, False))
    wrong = []
    for content in {one.reference for one in measured}:
        threshold = best_threshold([one for one in measured if one.reference != content])
        wrong += [one for one in measured if one.reference == content and _is_wrong(one, threshold)]
    return {
        "auc": statistics.fmean((high > low) + (high == low) / 2 for high in leaking for low in clean),
        "threshold": round(best_threshold(measured), 3),
        "false_alarms": len([one for one in wrong if not one.is_leaking]) / len(clean),
        "misses": len([one for one in wrong if one.is_leaking]) / len(leaking),
        "highest_clean": round(max(clean), 3),
        "lowest_leaking": round(min(leaking), 3),
        "threshold_in_use": THRESHOLD,
    }


def _is_wrong(one: Measured, threshold: float) -> bool:
    return one.is_leaking != (one.leak > threshold)


def main() -> None:
    """Measure all references and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.leak_guard")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the pictures go")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    arguments.out.mkdir(parents=True, exist_ok=True)
    measured: list[Measured] = []
    for content in REFERENCES:
        of_reference, rows = measure(base, content)
        measured += of_reference
        comparison_sheet(PROMPTS, rows).save(arguments.out / f"leak_guard_{content}.png")
    print(json.dumps(summarize(measured)))


if __name__ == "__main__":
    main()
