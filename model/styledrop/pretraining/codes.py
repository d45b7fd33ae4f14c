"""The codebook in training: it follows the encoder by moving averages (VQ-VAE, arXiv:1711.00937, App. A.1).

A code that nobody uses restarts at a latent of the present batch.

Shapes: latents, channels, codes.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from styledrop.pretraining.processes import mean_over_processes, take_from_first

_UNUSED = 0.02
"""Uses a step, below which a code restarts."""


class TrainedCodes(nn.Module):
    """The codes, each the mean of the latents that chose it lately; none of it is a parameter."""

    usage: Tensor
    sum: Tensor

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("usage", torch.ones(count))
        self.register_buffer("sum", torch.randn(count, channels))

    def start_at(self, table: Float[Tensor, "codes channels"]) -> None:
        """Take the given codes."""
        self.sum.copy_(table)
        self.usage.fill_(1.0)

    def table(self) -> Float[Tensor, "codes channels"]:
        """The codebook."""
        return self.sum / self.usage[:, None].clamp_min(1e-4)

    def nearest(self, latents: Float[Tensor, "latents channels"]) -> Int[Tensor, " latents"]:
        """The nearest code of each latent."""
        return torch.cdist(latents, self.table()).argmin(dim=1)

    def follow(
        self,
        latents: Float[Tensor, "latents channels"],
        chosen: Int[Tensor, " latents"],
        *,
        decay: float,
        restarts: bool,
        rng: np.random.Generator,
    ) -> None:
        """Move every code towards the latents that chose it; with `restarts`, move unused ones to latents."""
        counts = torch.bincount(chosen, minlength=len(self.usage)).float()
        sums = torch.zeros_like(self.sum).index_add_(0, chosen, latents)
        mean_over_processes([counts, sums])
        self.usage.mul_(decay).add_(counts, alpha=1 - decay)
        self.sum.mul_(decay).add_(sums, alpha=1 - decay)
        unused = (self.usage < _UNUSED).nonzero()[:, 0]
        if restarts and len(unused):
            self.usage[unused] = 1.0
            self.sum[unused] = latents[torch.from_numpy(rng.integers(len(latents), size=len(unused)))]
            take_from_first(self.sum)

    def bits_used(self) -> float:
        """Bits a token that the codes in use can tell apart: log2 of their number."""
        return math.log2(max(int((self.usage > _UNUSED).sum()), 1))
