"""Classifier-free guidance by style, by content and by text (StyleDrop, arXiv 2306.00983, eq. 1 and 4 to 6).

The passes of one step, with and without adapters, with the prompt, the content's prompt and the negative
prompt, run as the rows of one batch; a pass whose weight is zero is left out.

Shapes: batch, tokens, codebook.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from styledrop.blocks import Site
from styledrop.generator import Adapt, Condition, Generator

TokensToLogits = Callable[[Int[Tensor, "batch tokens"]], Float[Tensor, "batch tokens codebook"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Guidance:
    """How far the logits move away from the un-adapted model and from the negative prompt."""

    lambda_a: float = 2.0
    """Style: typical 0 to 2; 5 copies the reference's content. Without an adapter it has no effect."""
    lambda_b: float = 5.0
    """Text: the paper keeps it at 5. Without an adapter it is Muse's lambda.

    Muse's lambda counts from zero: it is the usual guidance scale g of `u + g (c - u)` less one.
    """

    gamma: float = 0.5
    """Content against style where both have an adapter: 0 is the style's alone, 1 the content's; the paper
    uses 0.5 to 0.7."""

    def __post_init__(self) -> None:
        for name, value in (("lambda_a", self.lambda_a), ("lambda_b", self.lambda_b)):
            if not math.isfinite(value):
                raise ValueError(f"expected a finite {name}, got {value}; the paper uses 0 to 5")
        if not 0 <= self.gamma <= 1:
            raise ValueError(f"expected gamma from 0 to 1, got {self.gamma}; the paper uses 0.5 to 0.7")


@dataclass(frozen=True, kw_only=True)
class Conditioned:
    """A model with all that it needs but the tokens."""

    generator: Generator
    condition: Condition
    adapt: Adapt | None = None

    def runs_with(self, other: "Conditioned") -> bool:
        """Whether both can be rows of one batch: the same weights, and text of the same length."""
        lengths = (self.condition.keys[0].shape[2], other.condition.keys[0].shape[2])
        return self.generator is other.generator and lengths[0] == lengths[1]

    def repeat(self, count: int) -> "Conditioned":
        """Take the one row that it has `count` times."""
        rows = torch.zeros(count, dtype=torch.long, device=self.condition.scales[0].device)
        return replace(self, condition=self.condition.select(rows))


@dataclass(frozen=True, kw_only=True)
class Content:
    """The subject of eq. 6: tuned and un-adapted model, both with the prompts c that have no style phrase."""

    tuned: Conditioned
    plain: Conditioned


def guided(
    plain: Conditioned,
    negative: Conditioned,
    *,
    guidance: Guidance,
    style: Conditioned | None = None,
    content: Content | None = None,
) -> TokensToLogits:
    """Make the function that gives a batch's guided logits; row i of every model belongs to image i.

    `plain` and `negative` are the un-adapted model G with the prompts t and with the negative prompts n.

    Raises:
        ValueError: there is a content, but no style.
    """
    lambda_b, gamma = float(guidance.lambda_b), float(guidance.gamma)
    # Eq. 4, l = Ĝ(t) + λ_A (Ĝ(t) - G(t)) + λ_B (G(t) - G(n)), gathered by pass. G is the un-adapted model in
    # the λ_B term, also for the prompt. Without an adapter it is eq. 1, l = G(t) + λ (G(t) - G(n)).
    if content is not None and style is None:
        raise ValueError("expected a style with the content; the content's adapter alone is a style of gamma 0")
    if style is None:
        passes = [(1 + lambda_b, plain)]
    elif content is None:
        passes = _tuned_passes(1.0, style, plain, guidance)
    else:  # eq. 5 and 6
        passes = _tuned_passes(1 - gamma, style, plain, guidance)
        passes += _tuned_passes(gamma, content.tuned, content.plain, guidance)
    passes.append((-lambda_b, negative))
    batches = [_Batch(batch) for batch in _grouped([chosen for chosen in passes if chosen[0] != 0])]

    def tokens_to_logits(tokens: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch tokens codebook"]:
        first, *others = [batch(tokens) for batch in batches]
        return torch.stack([first, *others]).sum(dim=0) if others else first

    return tokens_to_logits


def _tuned_passes(
    share: float, tuned: Conditioned, plain: Conditioned, guidance: Guidance
) -> list[tuple[float, Conditioned]]:
    """Eq. 4 without the negative prompt, times `share`."""
    lambda_a, lambda_b = guidance.lambda_a, guidance.lambda_b
    return [(share * (1 + lambda_a), tuned), (share * (lambda_b - lambda_a), plain)]


def _grouped(passes: list[tuple[float, Conditioned]]) -> list[list[tuple[float, Conditioned]]]:
    groups: list[list[tuple[float, Conditioned]]] = []
    for chosen in passes:
        home = next((group for group in groups if group[0][1].runs_with(chosen[1])), None)
        if home is None:
            groups.append([chosen])
        else:
            home.append(chosen)
    return groups


class _Batch:
    """Passes that run as the rows of one batch, and the weighted sum of their logits."""

    def __init__(self, passes: list[tuple[float, Conditioned]]) -> None:
        self._generator = passes[0][1].generator
        self._condition = Condition.concatenate([model.condition for _, model in passes])
        self._adapt = _adapt_rows([model.adapt for _, model in passes])
        device = self._condition.scales[0].device
        self._weights = torch.tensor([weight for weight, _ in passes], dtype=torch.float32, device=device)

    def __call__(self, tokens: Tensor) -> Tensor:
        count = len(self._weights)
        logits = self._generator(tokens.repeat(count, 1), self._condition, self._adapt)
        return torch.einsum("p,pbtc->btc", self._weights, logits.float().unflatten(0, (count, -1)))


def _adapt_rows(adapts: list[Adapt | None]) -> Adapt | None:
    """Give each of the batch's equal parts to its own adapt function; None leaves a part as it is."""
    if not any(adapts):
        return None

    def adapt_rows(layer: int, site: Site, hidden: Tensor) -> Tensor:
        parts = zip(adapts, hidden.chunk(len(adapts)), strict=True)
        return torch.cat([part if adapt is None else adapt(layer, site, part) for adapt, part in parts])

    return adapt_rows
