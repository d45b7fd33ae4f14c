"""Classifier-free guidance by style and by text (StyleDrop, arXiv 2306.00983, eq. 1 and 4).

The passes of one step, with and without the adapter, with the prompt and with the negative prompt,
run as the rows of one batch; a pass whose weight is zero is left out.

Shapes: batch, tokens, codebook.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from styledrop.adapters import Adapter
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

    def __post_init__(self) -> None:
        for name, value in (("lambda_a", self.lambda_a), ("lambda_b", self.lambda_b)):
            if not math.isfinite(value):
                raise ValueError(f"expected a finite {name}, got {value}; the paper uses 0 to 5")


def guided(
    generator: Generator, prompts: Condition, negatives: Condition, *, style: Adapter | None, guidance: Guidance
) -> TokensToLogits:
    """Make the function that gives a batch's guided logits; row i has prompt i and negative prompt i."""
    lambda_a, lambda_b = guidance.lambda_a, guidance.lambda_b
    # Eq. 4, l = Ĝ(t) + λ_A (Ĝ(t) - G(t)) + λ_B (G(t) - G(n)), gathered by pass. G is the un-adapted model in
    # the λ_B term, also for the prompt. Without an adapter it is eq. 1, l = G(t) + λ (G(t) - G(n)).
    passes: list[tuple[float, Condition, Adapt | None]]
    if style is None:
        passes = [(1 + lambda_b, prompts, None), (-lambda_b, negatives, None)]
    else:
        passes = [
            (1 + lambda_a, prompts, style.adapt),
            (lambda_b - lambda_a, prompts, None),
            (-lambda_b, negatives, None),
        ]
    passes = [chosen for chosen in passes if chosen[0] != 0]
    weights = torch.tensor([weight for weight, _, _ in passes], dtype=torch.float32, device=prompts.scales[0].device)
    condition = Condition.concatenate([part for _, part, _ in passes])
    adapt = _adapt_rows([adapt for _, _, adapt in passes])

    def tokens_to_logits(tokens: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch tokens codebook"]:
        logits = generator(tokens.repeat(len(passes), 1), condition, adapt)
        return torch.einsum("p,pbtc->btc", weights, logits.float().unflatten(0, (len(passes), -1)))

    return tokens_to_logits


def _adapt_rows(adapts: list[Adapt | None]) -> Adapt | None:
    """Give each of the batch's equal parts to its own adapt function; None leaves a part as it is."""
    if not any(adapts):
        return None

    def adapt_rows(layer: int, site: Site, hidden: Tensor) -> Tensor:
        parts = zip(adapts, hidden.chunk(len(adapts)), strict=True)
        return torch.cat([part if adapt is None else adapt(layer, site, part) for adapt, part in parts])

    return adapt_rows
