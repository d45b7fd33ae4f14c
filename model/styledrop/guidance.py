"""Classifier-free guidance by style, by content and by text (StyleDrop, arXiv 2306.00983, eq. 1 and 4 to 6).

The passes of one step, with and without adapters, with the prompt, the content's prompt and the negative
prompt, run as the rows of one batch; a pass whose weight is zero is left out.

Shapes: batch, tokens, codebook.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from styledrop.blocks import Site
from styledrop.config.sampling import Guidance
from styledrop.generator import Adapt, Condition, Generator

TokensToLogits = Callable[[Int[Tensor, "batch tokens"]], Float[Tensor, "batch tokens codebook"]]


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


_Pass = tuple[tuple[float, ...], Conditioned]
"""A model with its weight: one for all images, or one for each."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """The subject of eq. 6: tuned and un-adapted model, both with the prompts c that have no style phrase."""

    tuned: Conditioned
    plain: Conditioned


def guided(
    plain: Conditioned,
    negative: Conditioned,
    *,
    guidance: Guidance | Sequence[Guidance],
    style: Conditioned | None = None,
    content: Content | None = None,
) -> TokensToLogits:
    """Make the function that gives a batch's guided logits; row i of every model belongs to image i.

    `plain` and `negative` are the un-adapted model G with the prompts t and with the negative prompts n. `guidance` is
    one for all images, or one for each; a pass is left out if its weight is zero for all of them.

    Raises:
        ValueError: there is a content, but no style.
    """
    # Eq. 4, l = Ĝ(t) + λ_A (Ĝ(t) - G(t)) + λ_B (G(t) - G(n)), gathered by pass. G is the un-adapted model in
    # the λ_B term, also for the prompt. Without an adapter it is eq. 1, l = G(t) + λ (G(t) - G(n)).
    if content is not None and style is None:
        raise ValueError("expected a style with the content; the content's adapter alone is a style of gamma 0")
    models = [plain, negative] if style is None else [style, plain, negative]
    if content is not None:
        models[2:2] = [content.tuned, content.plain]
    of_images = [guidance] if isinstance(guidance, Guidance) else guidance
    weights = [_weights(one, len(models)) for one in of_images]
    passes = list(zip(zip(*weights, strict=True), models, strict=True))
    batches = [_Batch(batch) for batch in _grouped([chosen for chosen in passes if any(chosen[0])])]

    def tokens_to_logits(tokens: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch tokens codebook"]:
        first, *others = [batch(tokens) for batch in batches]
        return torch.stack([first, *others]).sum(dim=0) if others else first

    return tokens_to_logits


def _weights(guidance: Guidance, num_models: int) -> list[float]:
    """Of the models of `guided`, in its order, for an image."""
    lambda_b = float(guidance.lambda_b)
    if num_models == 2:
        return [1 + lambda_b, -lambda_b]
    if num_models == 3:
        return [*_tuned(1.0, float(guidance.lambda_a), lambda_b), -lambda_b]
    gamma = float(guidance.gamma)  # eq. 5 and 6
    of_content = guidance.lambda_a if guidance.lambda_content is None else guidance.lambda_content
    style, content = _tuned(1 - gamma, float(guidance.lambda_a), lambda_b), _tuned(gamma, float(of_content), lambda_b)
    return [*style, *content, -lambda_b]


def _tuned(share: float, lambda_a: float, lambda_b: float) -> tuple[float, float]:
    """Weights of a tuned and of the un-adapted model in eq. 4 without the negative prompt, times `share`."""
    return share * (1 + lambda_a), share * (lambda_b - lambda_a)


def _grouped(passes: Sequence[_Pass]) -> list[list[_Pass]]:
    groups: list[list[_Pass]] = []
    for chosen in passes:
        home = next((group for group in groups if group[0][1].runs_with(chosen[1])), None)
        if home is None:
            groups.append([chosen])
        else:
            home.append(chosen)
    return groups


class _Batch:
    """Passes that run as the rows of one batch, and the weighted sum of their logits."""

    def __init__(self, passes: list[_Pass]) -> None:
        self._generator = passes[0][1].generator
        self._condition = Condition.concatenate([model.condition for _, model in passes])
        self._adapt = _adapt_rows([model.adapt for _, model in passes])
        device = self._condition.scales[0].device
        self._weights = torch.tensor([weight for weight, _ in passes], dtype=torch.float32, device=device)

    def __call__(self, tokens: Tensor) -> Tensor:
        count = len(self._weights)
        logits = self._generator(tokens.repeat(count, 1), self._condition, self._adapt)
        # Pass by pass, so that an image's sum is the same whatever the others of its batch weigh.
        weighted = self._weights[:, :, None, None] * logits.float().unflatten(0, (count, -1))
        return weighted.sum(dim=0)


def _adapt_rows(adapts: list[Adapt | None]) -> Adapt | None:
    """Give each of the batch's equal parts to its own adapt function; None leaves a part as it is."""
    if not any(adapts):
        return None

    def adapt_rows(layer: int, site: Site, hidden: Tensor) -> Tensor:
        parts = zip(adapts, hidden.chunk(len(adapts)), strict=True)
        return torch.cat([part if adapt is None else adapt(layer, site, part) for adapt, part in parts])

    return adapt_rows
