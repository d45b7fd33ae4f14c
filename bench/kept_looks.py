"""Does one image teach a look that no training saw? Round 1 on many kept looks, with the truth beside it.

    python -m bench.kept_looks --work FOLDER [--looks N] [--base FOLDER] [--out FOLDER] [--method METHOD]
        [--rates RATE …] [--lambda-b VALUE …] [--set FIELD=VALUE …] [--over FILE]

FOLDER is that of `flows.pretrain_base`, whose icons are drawn in each look (`data.corpus.looks`): one icon is the
reference, others of the same set are the truth. Settings are searched here and never on the held-out styles. A base
that was trained before there were kept looks has seen some of them.

For each look: `content` is the share of images in which the judge sees what was asked for. `nearest` is the share that
are nearer to this look's true icons than to those of the other looks drawn here, in the judge's style features, and
`distance` that to its own true icons. `text` and `style` are CLIP's. Each is a mean over looks, `_se` its standard
error. Printed first is how often the judge is right about icons drawn in these looks that it was not trained on. λ_A
is swept, since tuning does not depend on it, and with --lambda-b λ_B as well: what each value gains over the first is
then printed look by look. `untuned` has no adapter. --method tunes by another method, as a spec that names it does;
--rates tunes once at each learning rate; --set changes any setting of round 1, or `views`, from its default. The
figures of each look are kept as `kept_looks_METHOD_RATE.json` in --out: with --over, what is gained over such a file
is printed look by look. The last line is JSON.
"""

import argparse
import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

import styledrop
from bench import embedded
from bench.judge import Judge, open_judge
from data.corpus.arrays import Corpus, read_arrays
from data.corpus.looks import Look, draw_look, words_of
from data.corpus.paint import Placement, paint
from data.corpus.phrases import style_phrases
from data.pictures.contact_sheet import Row, comparison_sheet
from styledrop.config.tuning import TUNINGS, as_method
from tasks.models import open_base, open_scorer

REFERENCES = ("car", "house", "umbrella", "crown", "rocket", "book", "camera", "key")
CONTENTS = ("tree", "clock", "bell", "lock", "heart", "star", "moon", "cloud", "envelope", "shield", "gift", "cup")
"""What is drawn; none is a reference."""
TRUE_ICONS = 24
LAMBDAS = (0.0, 0.5, 1.0)
METHODS = tuple(kind.model_fields["method"].default for kind in TUNINGS)


@dataclass(frozen=True, kw_only=True)
class KeptLook:
    """A look with its reference and its truth."""

    look: Look
    words: str
    content: str
    reference: Image.Image
    true_icons: list[Image.Image]
    unseen: list[tuple[Image.Image, str]]
    """Icons in this look that neither base nor judge was trained on, with their concepts."""


def open_kept_looks(
    work: Path, count: int, size_px: int, judge: Judge
) -> tuple[list[KeptLook], Float[Tensor, "looks features"]]:
    """Looks of the corpus in `work`, and where the true icons of each lie in the judge's style features."""
    result = work / "corpus" / "result"
    layers = np.load(result / "layers.npy", mmap_mode="r", allow_pickle=False)
    looks = draw_kept_looks(read_arrays(result), layers, count, size_px)
    return looks, torch.stack([judge.style_features(kept.true_icons).mean(dim=0) for kept in looks])


def draw_kept_looks(corpus: Corpus, layers: np.ndarray, count: int, size_px: int, *, seed: int = 0) -> list[KeptLook]:
    """Looks of sets that show a reference and enough other things, no two of one set while there are sets left."""
    rng = np.random.default_rng(seed)
    sets = [style for style in np.unique(corpus.style) if _rows(corpus, style, REFERENCES).size]
    order = [str(style) for _ in range(1 + count // len(sets)) for style in rng.permutation(sets)][:count]
    drawn = []
    for style in order:
        look = draw_look(style, rng, kept=True)
        row = int(rng.choice(_rows(corpus, style, REFERENCES)))
        others = np.nonzero((corpus.style == style) & (corpus.coverage >= 10) & (np.arange(len(corpus)) != row))[0]
        true = rng.choice(others, min(TRUE_ICONS, len(others)), replace=False)
        pictures = [
            Image.fromarray(paint(np.asarray(layers[icon]), look, Placement(), rng, size_px=size_px))
            for icon in (row, *true)
        ]
        drawn.append(
            KeptLook(
                look=look,
                words=f"in {words_of(look, tuple(style_phrases()[style]), rng, all_words=True)} style",
                content=corpus.caption[row],
                reference=pictures[0],
                true_icons=pictures[1:],
                unseen=_draw_unseen(corpus, layers, look, size_px),
            )
        )
    return drawn


def _rows(corpus: Corpus, style: str, concepts: Sequence[str]) -> np.ndarray:
    return np.nonzero((corpus.style == style) & np.isin(corpus.concept, concepts))[0]


def _draw_unseen(corpus: Corpus, layers: np.ndarray, look: Look, size_px: int) -> list[tuple[Image.Image, str]]:
    """The kept icons of the look's set, drawn in it."""
    rng = np.random.default_rng(0)
    return [
        (
            Image.fromarray(paint(np.asarray(layers[row]), look, Placement(), rng, size_px=size_px)),
            str(corpus.concept[row]),
        )
        for row in np.nonzero((corpus.style == look.style) & (corpus.split == "kept"))[0]
    ]


def content_of_unseen(judge: Judge, looks: Sequence[KeptLook]) -> tuple[float, int]:
    """Of unseen icons whose concept the judge knows, the share in which it sees it, and how many they are."""
    known = [pair for kept in looks for pair in kept.unseen if pair[1] in judge.config.concepts]
    seen = judge.classify([image for image, _ in known]).concepts
    return statistics.fmean(one == concept for one, (_, concept) in zip(seen, known, strict=True)), len(known)


def tune_round_1(base: styledrop.Base, kept: KeptLook, config: styledrop.Tuning, views: int) -> styledrop.Tuned:
    """As the pipeline does, with these settings."""
    prompt = f"{kept.content} {kept.words}"
    return styledrop.tune(base, [(view, prompt) for view in styledrop.views(kept.reference, views)], config)


def measure(
    judge: Judge,
    scorer: styledrop.ClipScorer,
    kept: KeptLook,
    images: Sequence[Image.Image],
    places: Tensor,
    number: int,
) -> dict[str, float]:
    """The figures of one look, whose true place is row `number` of `places`."""
    seen = judge.classify(images).concepts
    distances = torch.cdist(judge.style_features(images), places)
    scores = scorer.score(images, [f"{content} {kept.words}" for content in CONTENTS], [kept.reference])
    return {
        "content": statistics.fmean(one == wanted for one, wanted in zip(seen, CONTENTS, strict=True)),
        "nearest": float((distances.argmin(dim=1) == number).float().mean()),
        "distance": float(distances[:, number].mean()),
        "text": float(scores.text.mean()),
        "style": float(scores.style.mean()),
    }


def round_1(method: str, changes: Mapping[str, Any]) -> styledrop.Tuning:
    """What a spec gets that names the method and these changes."""
    default = as_method(embedded.FIRST_ROUND, method)
    return type(default).model_validate({**default.model_dump(), **changes})


Figures = Mapping[tuple[str, float], Sequence[Mapping[str, float]]]
"""Of each look in turn, by what drew it (untuned, or a λ_A) and by λ_B."""


def means(figures: Figures) -> dict[str, dict[str, float]]:
    """Of each figure over looks, by what drew them, with its standard error."""
    line: dict[str, dict[str, float]] = {}
    for (way, lambda_b), of_looks in figures.items():
        of_way = line[f"{way} λ_B {lambda_b:g}"] = {}
        for field in of_looks[0]:
            mean, error = _mean([one[field] for one in of_looks])
            of_way |= {field: round(mean, 4), f"{field}_se": round(error, 4)}
    return line


def gains(figures: Figures, first: float) -> list[str]:
    """What each other λ_B gains over the first, as lines: mean over looks of the paired differences, and its error."""
    return [
        f"{way} λ_B {lambda_b:g} over λ_B {first:g}: {paired(of_looks, figures[way, first])}"
        for (way, lambda_b), of_looks in figures.items()
        if lambda_b != first
    ]


def gains_over(figures: Figures, other: Figures) -> list[str]:
    """What each way of drawing gains over the same way in another run on the same looks, as lines.

    Raises:
        ValueError: the runs were not of equally many looks.
    """
    return [
        f"{way} λ_B {lambda_b:g} over the other's: {paired(of_looks, other[way, lambda_b])}"
        for (way, lambda_b), of_looks in figures.items()
        if (way, lambda_b) in other
    ]


def save_figures(figures: Figures, path: Path) -> None:
    """As JSON, one entry for each way of drawing."""
    entries = [[way, lambda_b, list(of_looks)] for (way, lambda_b), of_looks in figures.items()]
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def load_figures(path: Path) -> Figures:
    """What `save_figures` wrote."""
    return {(way, lambda_b): of_looks for way, lambda_b, of_looks in json.loads(path.read_text(encoding="utf-8"))}


def paired(after: Sequence[Mapping[str, float]], before: Sequence[Mapping[str, float]]) -> str:
    """Mean over looks of the differences, and its error, of each figure."""
    words = []
    for field in after[0]:
        mean, error = _mean([one[field] - other[field] for one, other in zip(after, before, strict=True)])
        words.append(f"{field} {mean:+.3f} ± {error:.3f}")
    return ", ".join(words)


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and its standard error."""
    return statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5


def main() -> None:
    """Tune to every look at every rate, draw, measure, and print the means."""
    parser = argparse.ArgumentParser(prog="python -m bench.kept_looks")
    parser.add_argument("--work", type=Path, required=True, help="folder of flows.pretrain_base, with a corpus in it")
    parser.add_argument("--looks", type=int, default=24, help="two at least")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the pictures go")
    parser.add_argument("--method", default="adapter", choices=METHODS)
    parser.add_argument("--rates", nargs="*", type=float, default=[], help="learning rates; default: the method's")
    parser.add_argument("--lambda-b", nargs="+", type=float, default=[embedded.GUIDANCE.lambda_b])
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--over", type=Path, help="figures of another run on as many looks")
    arguments = parser.parse_args()
    changes = {field: json.loads(value) for field, value in (one.split("=") for one in arguments.set)}
    views = changes.pop("views", embedded.REFERENCE_VIEWS)
    config = round_1(arguments.method, changes)
    base, scorer = open_base(arguments.base), open_scorer(arguments.base)
    judge = open_judge()
    looks, places = open_kept_looks(arguments.work, arguments.looks, base.size_px, judge)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print("judge, unseen icons in the looks: content {:.3f} of {}".format(*content_of_unseen(judge, looks)))
    lines = []
    for rate in arguments.rates or [config.learning_rate]:
        at_rate = config.model_copy(update={"learning_rate": rate})
        figures: dict[tuple[str, float], list[dict[str, float]]] = {}
        rows = []
        for number, kept in enumerate(looks):
            tuned = tune_round_1(base, kept, at_rate, views)
            drawn: dict[tuple[str, float], list[Image.Image]] = {}
            ways = [("untuned", None, 0.0), *((f"λ_A {value:g}", tuned, value) for value in LAMBDAS)]
            for (way, style, lambda_a), lambda_b in itertools.product(ways, arguments.lambda_b):
                drawn[way, lambda_b] = styledrop.sample(
                    base,
                    [f"{content} {kept.words}" for content in CONTENTS],
                    seeds=list(range(len(CONTENTS))),
                    style=style,
                    guidance=styledrop.Guidance(lambda_a=lambda_a, lambda_b=lambda_b),
                    config=embedded.SAMPLING,
                ).images
                seen = measure(judge, scorer, kept, drawn[way, lambda_b], places, number)
                figures.setdefault((way, lambda_b), []).append(seen)
            blank = Image.new("RGB", kept.reference.size, "white")
            true = [*kept.true_icons, *[blank] * len(CONTENTS)][: len(CONTENTS) - 1]
            rows.append(Row(label=kept.look.style, images=[kept.reference, *true]))
            rows += [
                Row(label=f"{way} λ_B {lambda_b:g}", images=images)
                for (way, lambda_b), images in drawn.items()
                if way in ("untuned", "λ_A 0.5")
            ]
            print(f"{number}: {kept.content} {kept.words}", flush=True)
        sheet = comparison_sheet(["reference", *CONTENTS[1:]], rows, cell_px=64)
        name = f"kept_looks_{config.method}_{rate:g}"
        sheet.save(arguments.out / f"{name}.png")
        save_figures(figures, arguments.out / f"{name}.json")
        line = means(figures)
        print(f"{config.method} at {rate:g}")
        for drawn_by, of_way in line.items():
            fields = [field for field in of_way if not field.endswith("_se")]
            print(f"{drawn_by:16}", "  ".join(f"{f} {of_way[f]:.3f} ± {of_way[f + '_se']:.3f}" for f in fields))
        for words in gains(figures, arguments.lambda_b[0]):
            print(words)
        for words in gains_over(figures, load_figures(arguments.over)) if arguments.over else []:
            print(words, flush=True)
        lines.append({"settings": {**at_rate.model_dump(), "views": views}, **line})
    print(json.dumps(lines))


if __name__ == "__main__":
    main()
