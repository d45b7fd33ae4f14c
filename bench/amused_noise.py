"""The noise of diffusers' `AmusedScheduler`, to draw with our sampler what `AmusedPipeline` draws."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


class AmusedNoise:
    """One generator for the batch, in diffusers' order: a multinomial draw, then a uniform one, each step."""

    def __init__(self, generator: torch.Generator, like: Tensor) -> None:
        self._generator = generator
        self._like = like

    def draw(self, step: int, probabilities: Float[Tensor, "batch tokens codebook"]) -> Int[Tensor, "batch tokens"]:
        """By torch.multinomial."""
        flat = probabilities.flatten(0, 1).to(self._generator.device)
        drawn = torch.multinomial(flat, 1, generator=self._generator)
        return drawn.view(probabilities.shape[:-1]).to(self._like.device)

    def uniform(self, step: int) -> Float[Tensor, "batch tokens"]:
        """By torch.rand."""
        uniform = torch.rand(self._like.shape, generator=self._generator, device=self._generator.device)
        return uniform.to(self._like.device)
