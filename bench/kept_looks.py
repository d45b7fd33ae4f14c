"""Does one image teach a look that no training saw? Round 1 on many kept looks, with the truth beside it.

    python -m bench.kept_looks --work FOLDER [--looks N] [--base FOLDER] [--out FOLDER] [--set FIELD=VALUE …]

FOLDER is that of `flows.pretrain_base`, whose icons are drawn in each look (`data.corpus.looks`): one icon is the
reference, others of the same set are the truth. Settings are searched here and never on the held-out styles. A base
that was trained before there were kept looks has seen some of them.

For each look: `content` is the share of images in which the judge sees what was asked for. `nearest` is the share that
are nearer to this look's true icons than to those of the other looks drawn here, in the judge's style features, and
`distance` that to its own true icons. `text` and `style` are CLIP's. Each is a mean over looks, `_se` its standard
error. λ_A is swept, since tuning does not depend on it; `untuned` has no adapter. --set changes a setting of round
1 (steps, rate, bottleneck, shared, views) from its default. The last line is JSON.
"""

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import styledrop
from data.corpus import Corpus, style_phrases
from data.corpus.arrays import read_arrays
from data.corpus.looks import Look, draw_look, words_of
from data.corpus.paint import Placement, paint
from data.documents import defaults
from data.pictures.contact_sheet import Row, comparison_sheet
from styledrop.judge import Judge
from tasks.models import open_base, open_scorer

REFERENCES = ("car", "house", "umbrella", "crown", "rocket", "book", "camera", "key")
CONTENTS = ("tree", "clock", "bell", "lock", "heart", "star", "moon", "cloud", "envelope", "shield", "gift", "cup")
"""What is drawn; none is a reference."""
TRUE_ICONS = 24
LAMBDAS = (0.0, 0.5, 1.0)
SETTINGS: dict[str, Any] = {
    **defaults.FIRST_ROUND.model_dump(),
    "views": defaults.REFERENCE_VIEWS,
}


@dataclass(frozen=True, kw_only=True)
class KeptLook:
    """A look with its reference and its truth."""

    look: Look
    words: str
    content: str
    reference: Image.Image
    true_icons: list[Image.Image]


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
            )
        )
    return drawn


def _rows(corpus: Corpus, style: str, concepts: Sequence[str]) -> np.ndarray:
    return np.nonzero((corpus.style == style) & np.isin(corpus.concept, concepts))[0]


def tune_round_1(base: styledrop.Base, kept: KeptLook, settings: Mapping[str, Any]) -> styledrop.Tuned:
    """As the pipeline does, with these settings."""
    config = styledrop.AdapterTuning(**{field: settings[field] for field in styledrop.AdapterTuning.model_fields})
    prompt = f"{kept.content} {kept.words}"
    return styledrop.tune(base, [(view, prompt) for view in styledrop.views(kept.reference, settings["views"])], config)


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


def main() -> None:
    """Tune to every look, draw, measure, and print the means."""
    parser = argparse.ArgumentParser(prog="python -m bench.kept_looks")
    parser.add_argument("--work", type=Path, required=True, help="folder of flows.pretrain_base, with a corpus in it")
    parser.add_argument("--looks", type=int, default=24)
    parser.add_argument("--base", default="embedded", help="folder of a base with a judge/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help=f"of {', '.join(SETTINGS)}")
    arguments = parser.parse_args()
    settings = SETTINGS | {field: json.loads(value) for field, value in (one.split("=") for one in arguments.set)}
    base, scorer = open_base(arguments.base), open_scorer(arguments.base)
    judge = Judge.from_folder(base.folder / "judge")
    corpus = read_arrays(arguments.work / "corpus" / "result")
    layers = np.load(arguments.work / "corpus" / "shards" / "layers.npy", mmap_mode="r", allow_pickle=False)
    looks = draw_kept_looks(corpus, layers, arguments.looks, base.size_px)
    places = torch.stack([judge.style_features(kept.true_icons).mean(dim=0) for kept in looks])
    figures: dict[str, list[dict[str, float]]] = {}
    rows = []
    for number, kept in enumerate(looks):
        tuned = tune_round_1(base, kept, settings)
        drawn: dict[str, list[Image.Image]] = {}
        for name, style, lambda_a in (("untuned", None, 0.0), *((f"{value:g}", tuned, value) for value in LAMBDAS)):
            drawn[name] = styledrop.sample(
                base,
                [f"{content} {kept.words}" for content in CONTENTS],
                seeds=list(range(len(CONTENTS))),
                style=style,
                guidance=defaults.GUIDANCE.model_copy(update={"lambda_a": lambda_a}),
                config=defaults.SAMPLING,
            )
            figures.setdefault(name, []).append(measure(judge, scorer, kept, drawn[name], places, number))
        blank = Image.new("RGB", kept.reference.size, "white")
        true = [*kept.true_icons, *[blank] * len(CONTENTS)][: len(CONTENTS) - 1]
        rows.append(Row(label=kept.look.style, images=[kept.reference, *true]))
        rows += [Row(label=name, images=images) for name, images in drawn.items() if name in ("untuned", "0.5")]
        print(f"{number}: {kept.content} {kept.words}", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    comparison_sheet(["reference", *CONTENTS[1:]], rows, cell_px=64).save(arguments.out / "kept_looks.png")
    line: dict[str, dict[str, float]] = {}
    for name, of_looks in figures.items():
        line[name] = {}
        for field in of_looks[0]:
            values = [one[field] for one in of_looks]
            line[name] |= {
                field: round(statistics.fmean(values), 4),
                f"{field}_se": round(statistics.stdev(values) / len(values) ** 0.5, 4),
            }
        print(f"{name:8}", "  ".join(f"{f} {line[name][f]:.3f} ± {line[name][f + '_se']:.3f}" for f in of_looks[0]))
    print(json.dumps({"settings": settings, **line}))


if __name__ == "__main__":
    main()
