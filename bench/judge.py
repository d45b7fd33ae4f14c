"""The judge: a small convolutional classifier that names an icon's concept and style.

It is trained on real icons alone, as their sets draw them and in random looks (`bench.judge_training`), and is the same
for every base: nothing it says reaches training, tuning, sampling or feedback. How often it is right on icons it never
saw travels with it; a figure it gives means nothing without that one.

Shapes: batch, images, height, width, concepts, styles.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.base import to_pixels
from styledrop.reading import read_json, reading
from styledrop.weights import StoredModel

FOLDER = Path(__file__).parent / "references" / "judge"
"""Where the trained one lies."""

_TINY = 1e-4  # a root has no gradient at zero, where a channel that says nothing is


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeAccuracy:
    """How often the judge's first answer is right, among all of its classes, on real icons it never saw."""

    concept: float
    concept_images: int
    """Of those kept from training, the ones whose concept is among the judge's."""
    style: float
    style_images: int
    of_styles: Mapping[str, float] = field(default_factory=dict)
    """The share of each style's icons that are taken for their own style, by the style's name."""
    concept_of_drawn: Mapping[str, float] = field(default_factory=dict)
    """The share whose concept is right of icons drawn in looks of their own: where the icons are kept from training
    (`kept_contents`), and where the looks are (`kept_looks`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeConfig:
    """What the judge tells apart, and its size."""

    concepts: tuple[str, ...]
    styles: tuple[str, ...]
    size_px: int = 64
    widths: tuple[int, ...] = (24, 48, 96, 192)
    """Channels of each resolution, from half the image's on; each next one is half as fine."""
    accuracy: JudgeAccuracy | None = None
    """None until it was measured."""

    @classmethod
    def from_file(cls, path: Path) -> "JudgeConfig":
        """Read what `to_file` wrote.

        Raises:
            BaseError: it is no judge's config.
        """
        with reading(path):
            raw = read_json(path)
            for name in ("concepts", "styles", "widths"):
                raw[name] = tuple(raw[name])
            raw["accuracy"] = JudgeAccuracy(**raw["accuracy"]) if raw["accuracy"] else None
            return cls(**raw)

    def to_file(self, path: Path) -> None:
        """Write the config as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


@dataclass(frozen=True)
class Judgement:
    """What the judge sees in each image: its first answers, and the probabilities behind them."""

    concepts: list[str]
    styles: list[str]
    concept_probabilities: Float[np.ndarray, "images concepts"]
    style_probabilities: Float[np.ndarray, "images styles"]


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return (hidden + self.branch(hidden)).relu()


class Judge(StoredModel[JudgeConfig]):
    """One trunk, two heads: the concept from the coarsest features, the style from the statistics of all levels."""

    weights_name = "model.safetensors"
    config_type = JudgeConfig
    feature_scale: Tensor
    style_centers: Tensor

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__(config)
        self.levels = nn.ModuleList()
        for level, (fine, coarse) in enumerate(zip((3, *config.widths), config.widths, strict=False)):
            kernel = 4 if level == 0 else 3
            convolution = nn.Conv2d(fine, coarse, kernel, stride=2, padding=1, bias=False)
            # A block costs the least and sees the most where the image is coarse.
            blocks = [_ResidualBlock(coarse)] if level >= 2 else []
            self.levels.append(nn.Sequential(convolution, nn.BatchNorm2d(coarse), nn.ReLU(), *blocks))
        self.concept_head = nn.Linear(config.widths[-1], len(config.concepts))
        num_features = 2 * sum(config.widths)
        self.style_head = nn.Linear(num_features, len(config.styles))
        self.register_buffer("feature_scale", torch.ones(num_features))
        self.register_buffer("style_centers", torch.zeros(len(config.styles), num_features))

    def forward(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch concepts"], Float[Tensor, "batch styles"]]:
        """Logits of concept and style; pixels are in [0, 1]."""
        coarsest, statistics = self._statistics(pixels)
        return self.concept_head(coarsest), self.style_head(statistics)

    def _features(self, pixels: Tensor) -> Iterator[Tensor]:
        hidden = pixels * 2 - 1
        for level in self.levels:
            hidden = level(hidden)
            yield hidden

    def _statistics(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The means of the coarsest level, and the means and deviations of all."""
        means, deviations = [], []
        for hidden in self._features(pixels):
            means.append(hidden.mean(dim=(2, 3)))
            deviations.append((hidden.var(dim=(2, 3), correction=0) + _TINY).sqrt())
        return means[-1], torch.cat(means + deviations, dim=1)

    @torch.inference_mode()
    def style_features(
        self, images: Sequence[Image.Image], *, batch_size: int = 128
    ) -> Float[Tensor, "images features"]:
        """What the style is told from, each feature in units of its deviation within the styles it was trained on."""
        parts = [
            self._statistics(_to_pixels(images[start : start + batch_size], self.config.size_px))[1]
            for start in range(0, len(images), batch_size)
        ]
        return torch.cat(parts) / self.feature_scale

    @torch.inference_mode()
    def distances(self, images: Sequence[Image.Image], others: Sequence[Image.Image]) -> list[float]:
        """How far each image is from its other, place by place, at their own size; 0 is equal, the most is 2.

        LPIPS without its learnt weights (arXiv 1801.03924, eq. 1): of every level the features, scaled to length
        one at each place; the squared length of their difference, averaged over places and levels.
        """
        pairs = [self._features(_to_pixels(some, some[0].width)) for some in (images, others)]
        levels = []
        for ours, theirs in zip(*pairs, strict=True):
            difference = F.normalize(ours, dim=1) - F.normalize(theirs, dim=1)
            levels.append(difference.square().sum(dim=1).mean(dim=(1, 2)))
        return [float(distance) for distance in torch.stack(levels).mean(dim=0)]

    @torch.inference_mode()
    def place_styles(self, pixels: Float[Tensor, "images 3 height width"], style: Int[Tensor, " images"]) -> None:
        """Measure `feature_scale` and, in its units, each style's mean features (`style_centers`) on real icons."""
        features = torch.cat([self._statistics(part)[1] for part in pixels.split(128)])
        centers = torch.stack([features[style == number].mean(dim=0) for number in range(len(self.config.styles))])
        self.feature_scale.copy_((features - centers[style]).square().mean(dim=0).sqrt().clamp_min(_TINY))
        self.style_centers.copy_(centers / self.feature_scale)

    @torch.inference_mode()
    def classify(
        self,
        images: Sequence[Image.Image],
        *,
        among_concepts: Sequence[str] | None = None,
        among_styles: Sequence[str] | None = None,
        batch_size: int = 128,
    ) -> Judgement:
        """Name concept and style of each image, among all that the judge knows or among those given.

        Asked among a few, the others have probability zero, and the few sum to one. That is an easier
        question: figures for different lists do not compare.

        Raises:
            ValueError: there is no image, or a name is given that the judge does not know.
        """
        if not images:
            raise ValueError("expected at least one image, got none")
        concept_mask = _mask(self.config.concepts, among_concepts, "concepts")
        style_mask = _mask(self.config.styles, among_styles, "styles")
        concepts, styles = [], []
        for start in range(0, len(images), batch_size):
            concept, style = self(_to_pixels(images[start : start + batch_size], self.config.size_px))
            concepts.append((concept + concept_mask).softmax(dim=1))
            styles.append((style + style_mask).softmax(dim=1))
        concept_probabilities, style_probabilities = torch.cat(concepts).numpy(), torch.cat(styles).numpy()
        return Judgement(
            concepts=[self.config.concepts[place] for place in concept_probabilities.argmax(axis=1)],
            styles=[self.config.styles[place] for place in style_probabilities.argmax(axis=1)],
            concept_probabilities=concept_probabilities,
            style_probabilities=style_probabilities,
        )


def open_judge() -> Judge:
    """The judge in `FOLDER`."""
    return Judge.from_folder(FOLDER).requires_grad_(False)


def _mask(known: Sequence[str], among: Sequence[str] | None, what: str) -> Tensor:
    """What to add to logits so that only the names in `among` can be chosen."""
    if among is None:
        return torch.zeros(len(known))
    unknown = sorted(set(among) - set(known))
    if unknown or not among:
        raise ValueError(f"expected some of the judge's {len(known)} {what}, got {unknown or 'none'}")
    return torch.tensor([0.0 if name in set(among) else -torch.inf for name in known])


def _to_pixels(images: Sequence[Image.Image], size_px: int) -> Float[Tensor, "batch 3 height width"]:
    # BOX, as the corpus was scaled: no ringing at the edges which the judge never saw.
    scaled = [
        image.convert("RGB")
        if image.size == (size_px, size_px)
        else image.convert("RGB").resize((size_px, size_px), Image.Resampling.BOX)
        for image in images
    ]
    return to_pixels(scaled).contiguous(memory_format=torch.channels_last)
