"""Training of the judge on real icons.

    python -m bench.judge_training --work FOLDER    # of flows.pretrain_base; writes bench/references/judge

It tells apart all styles, and the concepts that many styles show: of a concept drawn by a few sets
there is too little to learn it from. A part of every batch is icons as their sets draw them: they teach the style, and
the concept of those that have one of the judge's. The rest is icons drawn in random looks (`data.corpus.looks`), which
teach the concept alone: what a thing is does not depend on its look. Without them a judge names things by how their
set draws them, and is right for less than half of the same icons in other looks.

It goes on from the judge that lies in bench/references/judge. The one there was made from a judge of plain icons, which
this repository's history has.

Near twins among the styles (the streamline blues, two families of line icons) stay classes of their
own, so its style accuracy has a ceiling below 1.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from bench.judge import FOLDER, Judge, JudgeAccuracy, JudgeConfig, open_judge
from data.corpus.arrays import read_arrays
from data.corpus.draws import read_draws
from styledrop.config.pretraining import Schedule
from styledrop.config.settings import Settings
from styledrop.pretraining.augmentation import moved, softened, to_pixels
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.stage import StageRun, batch_share, train_stage
from tasks.pretraining.draws import KEPT
from tasks.pretraining.training import stage_run

_PLACED_BY = 100
"""Real icons that say where a style lies among the style features."""


class JudgeTraining(Settings):
    """How the judge is trained; the defaults made the one in bench/references/judge from one of plain icons."""

    schedule: Schedule = Schedule(
        num_steps=3600,
        decay_steps=2160,
        learning_rate=1.5e-3,
        batch_size=96,
        warmup_steps=100,
        weight_decay=0.05,
        betas=(0.9, 0.98),
        clip_norm=2.0,
        ema_decay=0.995,
    )
    min_styles: int = Field(default=15, ge=1)
    """Concepts shown by fewer styles are none of the judge's."""
    widths: tuple[int, ...] = (24, 48, 96, 192)
    """Channels of each resolution."""
    concept_share: float = Field(default=0.5, ge=0, le=1)
    """Of the icons as they are, the share drawn from those with a concept of the judge's; the rest evenly by style."""
    drawn_share: float = Field(default=2 / 3, ge=0, lt=1)
    """Share of a batch that is drawn in random looks."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Of both classifications."""
    style_weight: float = Field(default=0.5, ge=0)
    """Weight of the styles' loss beside the concepts'."""


@dataclass(frozen=True, kw_only=True)
class DrawnIcons:
    """Icons in looks of their own; entry i of every column belongs to picture i."""

    images: UInt8[np.ndarray, "pictures height width 3"]
    concepts: Sequence[str]


def train_judge(
    images: UInt8[np.ndarray, "images height width 3"],
    concepts: Sequence[str],
    styles: Sequence[str],
    is_train: Bool[np.ndarray, " images"],
    drawn: DrawnIcons,
    kept: Mapping[str, DrawnIcons],
    training: JudgeTraining,
    run: StageRun,
    *,
    start: Judge | None = None,
) -> Judge:
    """Train on the images of `is_train` and on those `drawn`; what is kept is looked at once, at the end, to measure.

    `start` is a judge of the same concepts, styles and widths to go on from.
    """
    torch.manual_seed(run.seed)
    names = _choose_concepts(concepts, styles, training.min_styles)
    style_names = tuple(sorted(set(styles)))
    config = JudgeConfig(concepts=names, styles=style_names, size_px=images.shape[1], widths=training.widths)
    judge = Judge(config).to(memory_format=torch.channels_last)
    if start is not None:
        judge.load_state_dict(start.state_dict())

    concept_of, drawn_concept = _numbers(concepts, names), _numbers(drawn.concepts, names)
    style_of = np.array([style_names.index(style) for style in styles])
    cumulative = np.cumsum(_weights(concept_of, style_of, is_train, training.concept_share))
    cumulative /= cumulative[-1]
    has_concept = np.nonzero(drawn_concept >= 0)[0]
    num_drawn = round(training.drawn_share * batch_share(training.schedule))
    num_plain = batch_share(training.schedule) - num_drawn

    def step_loss(_: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        points = (np.arange(num_plain) + rng.random(num_plain)) / num_plain
        rows = np.searchsorted(cumulative, points).clip(max=len(cumulative) - 1)
        others = rng.choice(has_concept, num_drawn)
        pixels = torch.cat([to_pixels(images[rows]), to_pixels(drawn.images[others])])
        pixels = softened(moved(pixels, np.zeros(len(pixels), dtype=bool), rng), rng)
        concept_logits, style_logits = judge(pixels.contiguous(memory_format=torch.channels_last))
        concept = torch.from_numpy(np.concatenate([concept_of[rows], drawn_concept[others]]))
        style = torch.from_numpy(style_of[rows])
        concept_loss = _cross_entropy(concept_logits, concept, training.label_smoothing)
        style_loss = _cross_entropy(style_logits[:num_plain], style, training.label_smoothing)
        figures = {"concept": _hits(concept_logits, concept), "style": _hits(style_logits[:num_plain], style)}
        return concept_loss + training.style_weight * style_loss, figures

    train_stage(judge, step_loss, training.schedule, run)
    rows = _some_of_each(style_of, is_train, np.random.default_rng(run.seed))
    judge.place_styles(to_pixels(images[rows]), torch.from_numpy(style_of[rows]))
    accuracy = _measure(judge, images, concept_of, style_of, ~is_train)
    if accuracy is not None:
        accuracy = replace(accuracy, concept_of_drawn={name: _share_right(judge, some) for name, some in kept.items()})
    judge.config = replace(config, accuracy=accuracy)
    return judge.requires_grad_(False)


def _numbers(concepts: Sequence[str], names: Sequence[str]) -> Int[np.ndarray, " images"]:
    """The place of each concept among `names`; -1 where it is none of them."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(concept, -1) for concept in concepts])


@torch.inference_mode()
def _share_right(judge: Judge, drawn: DrawnIcons) -> float:
    concept = _numbers(drawn.concepts, judge.config.concepts)
    rows = np.nonzero(concept >= 0)[0]
    logits = [judge(to_pixels(drawn.images[part]))[0] for part in np.array_split(rows, len(rows) // 256 + 1)]
    return round(_hits(torch.cat(logits), torch.from_numpy(concept[rows])), 4)


def _choose_concepts(concepts: Sequence[str], styles: Sequence[str], min_styles: int) -> tuple[str, ...]:
    shown_by: dict[str, set[str]] = {}
    for concept, style in zip(concepts, styles, strict=True):
        shown_by.setdefault(concept, set()).add(style)
    return tuple(sorted(concept for concept, by in shown_by.items() if len(by) >= min_styles))


def _some_of_each(style_of: np.ndarray, is_train: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Trained rows, at most `_PLACED_BY` of each style."""
    of_each = [np.nonzero(is_train & (style_of == style))[0] for style in np.unique(style_of)]
    return np.concatenate([rng.permutation(rows)[:_PLACED_BY] for rows in of_each])


def _weights(
    concept_of: np.ndarray, style_of: np.ndarray, is_train: np.ndarray, concept_share: float
) -> Float[np.ndarray, " images"]:
    with_concept = is_train & (concept_of >= 0)
    by_style = is_train / np.bincount(style_of, weights=is_train).clip(min=1)[style_of]
    weights: np.ndarray = (
        concept_share * with_concept / with_concept.sum() + (1 - concept_share) * by_style / by_style.sum()
    )
    return weights


def _cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
    """The mean over the images that have a class at all (-1: none of the judge's)."""
    known = target >= 0
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known], target[known], label_smoothing=label_smoothing)


def _hits(logits: Tensor, target: Tensor) -> float:
    known = target >= 0
    return float((logits.argmax(dim=1) == target)[known].float().mean()) if known.any() else 0.0


@torch.inference_mode()
def _measure(
    judge: Judge, images: np.ndarray, concept_of: np.ndarray, style_of: np.ndarray, is_asked: np.ndarray
) -> JudgeAccuracy | None:
    rows = np.nonzero(is_asked)[0]
    if not len(rows):
        return None
    logits = [judge(to_pixels(images[rows[start : start + 256]])) for start in range(0, len(rows), 256)]
    concept, style = torch.from_numpy(concept_of[rows]), torch.from_numpy(style_of[rows])
    style_logits = torch.cat([both[1] for both in logits])
    return JudgeAccuracy(
        concept=_hits(torch.cat([both[0] for both in logits]), concept),
        concept_images=int((concept >= 0).sum()),
        style=_hits(style_logits, style),
        style_images=len(rows),
        of_styles={
            judge.config.styles[number]: round(_hits(style_logits[style == number], style[style == number]), 4)
            for number in style.unique().tolist()
        },
    )


def _train(work: Path) -> Judge:
    shown, training = read_arrays(work / "corpus" / "result"), JudgeTraining()

    def read(name: str) -> DrawnIcons:
        draws = read_draws(work / "draws" / "result" / name)
        return DrawnIcons(images=draws.images, concepts=shown.concept[draws.rows].tolist())

    with stage_run("judge", training.schedule, work / "judge") as run:
        return train_judge(
            shown.images,
            shown.concept.tolist(),
            shown.style.tolist(),
            shown.split == "train",
            read("trained"),
            {name: read(name) for name in KEPT},
            training,
            run,
            start=open_judge(),
        )


def main() -> None:
    """Train the judge on a work folder's corpus, in two processes, and put it where the benches look for it."""
    parser = argparse.ArgumentParser(prog="python -m bench.judge_training")
    parser.add_argument("--work", type=Path, required=True, help="flows.pretrain_base's folder: corpus and draws")
    arguments = parser.parse_args()
    train_in_processes(2, _train, arguments.work).to_folder(FOLDER, torch.float16)
    print(f"judge: {FOLDER}")


if __name__ == "__main__":
    main()
