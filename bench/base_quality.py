"""Does the base draw what it is asked for? Everyday contents in training styles, named by the judge.

    python -m bench.base_quality [--base FOLDER] [--samples N] [--work FOLDER] [--out FOLDER]
    python -m bench.base_quality --make WORK        # writes bench/references/never_drawn.json

The judge is a classifier of real icons (`bench.judge`). `content` and `style` are the shares of samples whose
first answer is what was asked for, among all concepts and all training styles that the judge knows: the stricter
question, and the one its own accuracy on real icons is about, which stands beside them. They are about pairs of
content and style that training draws. `content_never_drawn` and `style_never_drawn` are the same for pairs that it
never draws, since the training split has no icon of the concept in that set: a base that recites its training
pictures cannot draw them. Standard errors are over samples. `judge_style_of_asked` is the judge's accuracy on kept
icons of the ten styles asked for here: what a base would reach whose samples are as good as real icons. Printed
besides: the shares when the judge chooses only among those asked for here. The picture shows the first sample of each;
with --work, the folder of `flows.pretrain_base`, a real icon of the set stands under each, as far as the set has one.
"""

import argparse
import itertools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import styledrop
from bench.judge import Judge, open_judge
from data.corpus.arrays import Corpus, read_arrays
from data.corpus.phrases import style_phrases
from data.documents.defaults import OF_EMBEDDED
from data.documents.of_base import SamplingSettings, sampling_of
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base
from tasks.sampling import draw_seed

CONTENTS = (
    "house", "car", "sun", "tree", "heart", "key", "umbrella", "rocket", "fish", "crown", "camera", "bicycle",
    "cake", "shield", "cat", "star", "moon", "book", "bell", "lock", "cloud", "flower", "airplane", "clock",
)  # fmt: skip
"""Everyday things; at least 19 of the 33 training styles show each."""

STYLES = (
    "noto",
    "twemoji",
    "fluent-emoji-3d",
    "fluent-emoji-high-contrast",
    "icon-park",
    "streamline-color",
    "glyphs-poly",
    "game-icons",
    "ph-thin",
    "ph-fill",
)
"""Distinct looks: of near twins among the training styles at most one."""

NEVER_DRAWN = Path(__file__).parent / "references" / "never_drawn.json"
"""Those pairs of the two that training never draws."""

SETTINGS = sampling_of(OF_EMBEDDED)
"""Those of the pipeline (`data.documents.defaults`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """An image with what was asked for."""

    content: str
    style: str
    image: Image.Image


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Shares of samples in which the judge sees what was asked for."""

    content: float
    """Among all of the judge's concepts."""
    style: float
    content_se: float
    """Standard error over the samples."""
    style_se: float
    content_among_asked: float
    style_among_asked: float
    samples: int


def never_drawn() -> set[tuple[str, str]]:
    """The pairs of content and style that training never draws, as `make_never_drawn` found them."""
    return {(content, style) for content, style in json.loads(NEVER_DRAWN.read_text(encoding="utf-8"))}


def make_never_drawn(corpus: Corpus, path: Path = NEVER_DRAWN) -> None:
    """Write the pairs of `CONTENTS` and `STYLES` of which the training split has no icon."""
    is_drawn = corpus.split == "train"
    drawn = set(zip(corpus.concept[is_drawn].tolist(), corpus.style[is_drawn].tolist(), strict=True))
    pairs = [pair for pair in itertools.product(CONTENTS, STYLES) if pair not in drawn]
    path.write_text("[\n" + ",\n".join(f" {json.dumps(pair)}" for pair in pairs) + "\n]\n", encoding="utf-8")


def draw(
    base: styledrop.Base,
    pairs: Sequence[tuple[str, str]],
    *,
    samples_each: int,
    settings: SamplingSettings,
) -> list[Sample]:
    """Draw `samples_each` images of every pair of content and style, pair by pair."""
    phrases = style_phrases()
    asked = [(content, style, i) for content, style in pairs for i in range(samples_each)]
    images = styledrop.sample(
        base,
        [f"{content} in {phrases[style][0]} style" for content, style, _ in asked],
        seeds=[draw_seed(0, "base quality", content, style, i) for content, style, i in asked],
        guidance=styledrop.Guidance(lambda_b=settings.lambda_b),
        config=settings,
        negative_prompt=settings.negative_prompt,
    ).images
    return [
        Sample(content=content, style=style, image=image)
        for (content, style, _), image in zip(asked, images, strict=True)
    ]


def judge_samples(judge: Judge, samples: Sequence[Sample]) -> Quality:
    """Ask the judge twice: among all that it knows, and among what was asked for."""
    images = [sample.image for sample in samples]
    contents, styles = [sample.content for sample in samples], [sample.style for sample in samples]
    among_all = judge.classify(images)
    among_asked = judge.classify(
        images, among_concepts=list(dict.fromkeys(contents)), among_styles=list(dict.fromkeys(styles))
    )
    content, style = _share(among_all.concepts, contents), _share(among_all.styles, styles)
    return Quality(
        content=content,
        style=style,
        content_se=_standard_error(content, len(samples)),
        style_se=_standard_error(style, len(samples)),
        content_among_asked=_share(among_asked.concepts, contents),
        style_among_asked=_share(among_asked.styles, styles),
        samples=len(samples),
    )


def real_icons(corpus: Corpus) -> dict[tuple[str, str], Image.Image]:
    """The first icon of each content in each style, as far as there is one."""
    found: dict[tuple[str, str], Image.Image] = {}
    for row in np.nonzero(np.isin(corpus.concept, CONTENTS) & np.isin(corpus.style, STYLES))[0]:
        shown = str(corpus.concept[row]), str(corpus.style[row])
        if shown not in found:
            found[shown] = Image.fromarray(np.asarray(corpus.images[row]))
    return found


def picture(samples: Sequence[Sample], real: Mapping[tuple[str, str], Image.Image] | None = None) -> Image.Image:
    """The first sample of each content (row) and style (column); under it the real icon, where `real` has one."""
    first = {(sample.content, sample.style): sample.image for sample in reversed(samples)}
    styles = list(dict.fromkeys(sample.style for sample in samples))
    blank = Image.new("RGB", samples[0].image.size, "white")
    rows: list[Row] = []
    for content in dict.fromkeys(sample.content for sample in samples):
        rows.append(Row(label=content, images=[first[content, style] for style in styles]))
        if real is not None:
            rows.append(Row(label="real", images=[real.get((content, style), blank) for style in styles]))
    return comparison_sheet(styles, rows, cell_px=64)


def _share(answers: Sequence[str], asked: Sequence[str]) -> float:
    return sum(answer == wanted for answer, wanted in zip(answers, asked, strict=True)) / len(asked)


def _standard_error(share: float, count: int) -> float:
    return math.sqrt(share * (1 - share) / max(count - 1, 1))


def _print_by(name: str, judge: Judge, samples: Sequence[Sample], groups: Sequence[str], of: Sequence[str]) -> None:
    print(f"\nby {name}: share with the right content and the right style")
    for group in groups:
        quality = judge_samples(judge, [sample for sample, theirs in zip(samples, of, strict=True) if theirs == group])
        print(f"  {group:28} {quality.content:.2f}  {quality.style:.2f}")


def main() -> None:
    """Measure a base and print what was found, or write the pairs that are never drawn."""
    parser = argparse.ArgumentParser(prog="python -m bench.base_quality")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--samples", type=int, default=2, help="images of each content in each style")
    parser.add_argument("--work", type=Path, help="folder of flows.pretrain_base, whose corpus has the real icons")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    parser.add_argument("--make", type=Path, metavar="WORK", help="write the never drawn pairs of this folder's corpus")
    arguments = parser.parse_args()
    if arguments.make is not None:
        make_never_drawn(read_arrays(arguments.make / "corpus" / "result"))
        return
    base = open_base(arguments.base)
    judge = open_judge()
    samples = draw(base, list(itertools.product(CONTENTS, STYLES)), samples_each=arguments.samples, settings=SETTINGS)
    unseen = never_drawn()
    seen = judge_samples(judge, [one for one in samples if (one.content, one.style) not in unseen])
    new = judge_samples(judge, [one for one in samples if (one.content, one.style) in unseen])

    _print_by("style", judge, samples, STYLES, [sample.style for sample in samples])
    _print_by("content", judge, samples, CONTENTS, [sample.content for sample in samples])
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "base_quality.png"
    real = real_icons(read_arrays(arguments.work / "corpus" / "result")) if arguments.work else None
    picture(samples, real).save(path)
    print(f"\npicture: {path}")
    concepts, styles = len(judge.config.concepts), len(judge.config.styles)
    print(f"shares among {concepts} concepts and {styles} styles (among those asked for)")
    for name, one in (("drawn in training", seen), ("never drawn in training", new)):
        print(
            f"  pairs {name:24} content {one.content:.3f} ± {one.content_se:.3f} ({one.content_among_asked:.3f}), "
            f"style {one.style:.3f} ± {one.style_se:.3f} ({one.style_among_asked:.3f}), {one.samples} samples"
        )
    figures = {
        "content": round(seen.content, 4),
        "content_se": round(seen.content_se, 4),
        "style": round(seen.style, 4),
        "style_se": round(seen.style_se, 4),
        "content_never_drawn": round(new.content, 4),
        "content_never_drawn_se": round(new.content_se, 4),
        "style_never_drawn": round(new.style, 4),
        "style_never_drawn_se": round(new.style_se, 4),
        **_of_judge(judge),
        "samples": len(samples),
    }
    print(json.dumps(figures))


def _of_judge(judge: Judge) -> dict[str, float | None]:
    """Print how often the judge is right about real icons; its figures."""
    accuracy = judge.config.accuracy
    if accuracy is None:
        return {"judge_content": None, "judge_style": None, "judge_style_of_asked": None}
    print(
        f"the judge itself, on real icons kept from its training: content {accuracy.concept:.3f} "
        f"({accuracy.concept_images} icons), style {accuracy.style:.3f} ({accuracy.style_images} icons)"
    )
    of_asked = [accuracy.of_styles[style] for style in STYLES if style in accuracy.of_styles]
    if of_asked:
        print(f"of kept icons of the {len(of_asked)} styles asked for here: style {statistics.fmean(of_asked):.3f}")
    return {
        "judge_content": round(accuracy.concept, 4),
        "judge_style": round(accuracy.style, 4),
        "judge_style_of_asked": round(statistics.fmean(of_asked), 4) if of_asked else None,
    }


if __name__ == "__main__":
    main()
