"""Does the base draw what it is asked for? Everyday contents in training styles, named by the judge.

    python -m bench.base_quality [--base FOLDER] [--samples N] [--work FOLDER] [--out FOLDER]

The judge is a classifier of real icons (`styledrop.judge`). `content` and `style` are the shares of
samples whose first answer is what was asked for, among all concepts and all training styles that
the judge knows: the stricter question, and the one its own accuracy on real icons is about, which
stands beside them. `judge_style_of_asked` is that accuracy on kept icons of the ten styles asked for here: what a base
would reach whose samples are as good as real icons. Printed besides: the shares when the judge chooses only among
those asked for here. The picture shows the first sample of each; with --work, the folder of `flows.pretrain_base`, a
real icon of the set stands under each, as far as the set has one.
"""

import argparse
import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import styledrop
from data.corpus import Corpus, style_phrases
from data.corpus.arrays import read_arrays
from data.documents.spec import SamplingSettings
from data.pictures.contact_sheet import Row, comparison_sheet
from styledrop.judge import Judge
from tasks.models import open_base
from tasks.sampling import draw_seed, sampling_config

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

SETTINGS = SamplingSettings()
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
    content_among_asked: float
    style_among_asked: float


def draw(
    base: styledrop.Base,
    contents: Sequence[str],
    styles: Sequence[str],
    *,
    samples_each: int,
    settings: SamplingSettings,
) -> list[Sample]:
    """Draw `samples_each` images of every content in every style, content by content."""
    phrases = style_phrases()
    asked = list(itertools.product(contents, styles, range(samples_each)))
    images = styledrop.sample(
        base,
        [f"{content} in {phrases[style][0]} style" for content, style, _ in asked],
        seeds=[draw_seed(0, "base quality", content, style, i) for content, style, i in asked],
        guidance=styledrop.Guidance(lambda_b=settings.lambda_b),
        config=sampling_config(settings),
        negative_prompt=settings.negative_prompt,
    )
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
    return Quality(
        content=_share(among_all.concepts, contents),
        style=_share(among_all.styles, styles),
        content_among_asked=_share(among_asked.concepts, contents),
        style_among_asked=_share(among_asked.styles, styles),
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


def _print_by(name: str, judge: Judge, samples: Sequence[Sample], groups: Sequence[str], of: Sequence[str]) -> None:
    print(f"\nby {name}: share with the right content and the right style")
    for group in groups:
        quality = judge_samples(judge, [sample for sample, theirs in zip(samples, of, strict=True) if theirs == group])
        print(f"  {group:28} {quality.content:.2f}  {quality.style:.2f}")


def main() -> None:
    """Measure a base and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.base_quality")
    parser.add_argument("--base", default="embedded", help="folder of a base with a judge/ in it")
    parser.add_argument("--samples", type=int, default=2, help="images of each content in each style")
    parser.add_argument("--work", type=Path, help="folder of flows.pretrain_base, whose corpus has the real icons")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    judge = Judge.from_folder(base.folder / "judge")
    samples = draw(base, CONTENTS, STYLES, samples_each=arguments.samples, settings=SETTINGS)
    quality, accuracy = judge_samples(judge, samples), judge.config.accuracy

    _print_by("style", judge, samples, STYLES, [sample.style for sample in samples])
    _print_by("content", judge, samples, CONTENTS, [sample.content for sample in samples])
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "base_quality.png"
    real = real_icons(read_arrays(arguments.work / "corpus" / "result")) if arguments.work else None
    picture(samples, real).save(path)
    print(f"\npicture: {path}")
    concepts, styles = len(judge.config.concepts), len(judge.config.styles)
    print(f"content: {quality.content:.3f} among {concepts}, {quality.content_among_asked:.3f} among {len(CONTENTS)}")
    print(f"style:   {quality.style:.3f} among {styles}, {quality.style_among_asked:.3f} among {len(STYLES)}")
    if accuracy is not None:
        print(
            f"the judge itself, on real icons kept from its training: content {accuracy.concept:.3f} "
            f"({accuracy.concept_images} icons), style {accuracy.style:.3f} ({accuracy.style_images} icons)"
        )
    of_asked = [accuracy.of_styles[style] for style in STYLES if style in accuracy.of_styles] if accuracy else []
    if of_asked:
        print(f"of kept icons of the {len(of_asked)} styles asked for here: style {statistics.fmean(of_asked):.3f}")
    figures = {
        "content": round(quality.content, 4),
        "style": round(quality.style, 4),
        "judge_content": round(accuracy.concept, 4) if accuracy else None,
        "judge_style": round(accuracy.style, 4) if accuracy else None,
        "judge_style_of_asked": round(statistics.fmean(of_asked), 4) if of_asked else None,
        "samples": len(samples),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
