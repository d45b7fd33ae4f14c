"""The codebook in training: one table, or a product of tables over parts of the latent.

With a product, a latent is cut into as many parts as there are tables, and each part is coded by its own table. A
token is the tuple of its parts' codes. The codebook that a base ships has a row for each such tuple, the parts' codes
side by side. The nearest row, by Euclidean distance, is then the row of the nearest parts, so encoding and
decoding know nothing of products.

The tables follow the encoder by moving averages (VQ-VAE, arXiv:1711.00937, App. A.1), and a code that nobody uses
restarts at a latent of the present batch.

Shapes: latents, channels, parts, codes.
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
    """The codes of every part, each the mean of the latents that chose it lately; none of it is a parameter."""

    def __init__(self, sizes: tuple[int, ...], channels: int) -> None:
        super().__init__()
        if channels % len(sizes):
            raise ValueError(f"expected latents of a multiple of {len(sizes)} channels, got {channels}")
        self.sizes, self.width = sizes, channels // len(sizes)
        for part, size in enumerate(sizes):
            self.register_buffer(f"usage_{part}", torch.ones(size))
            self.register_buffer(f"sum_{part}", torch.randn(size, self.width))

    def start_at(self, tables: list[Tensor]) -> None:
        """Take the given codes of each part."""
        for part, table in enumerate(tables):
            self.get_buffer(f"sum_{part}").copy_(table)
            self.get_buffer(f"usage_{part}").fill_(1.0)

    def codes(self, part: int) -> Float[Tensor, "codes channels"]:
        """The codes of one part."""
        return self.get_buffer(f"sum_{part}") / self.get_buffer(f"usage_{part}")[:, None].clamp_min(1e-4)

    def nearest(self, latents: Float[Tensor, "latents channels"]) -> Int[Tensor, "latents parts"]:
        """The nearest code of every part."""
        return torch.stack(
            [
                torch.cdist(piece, self.codes(part)).argmin(dim=1)
                for part, piece in enumerate(latents.split(self.width, dim=1))
            ],
            dim=1,
        )

    def quantized(self, chosen: Int[Tensor, "latents parts"]) -> Float[Tensor, "latents channels"]:
        """The chosen codes, side by side."""
        return torch.cat([self.codes(part)[chosen[:, part]] for part in range(len(self.sizes))], dim=1)

    def table(self) -> Float[Tensor, "codebook channels"]:
        """The codebook: all tuples of codes, the last part's code counting fastest."""
        grids = torch.meshgrid(*(torch.arange(size) for size in self.sizes), indexing="ij")
        return self.quantized(torch.stack([grid.flatten() for grid in grids], dim=1))

    def follow(
        self,
        latents: Float[Tensor, "latents channels"],
        chosen: Int[Tensor, "latents parts"],
        *,
        decay: float,
        restarts: bool,
        rng: np.random.Generator,
    ) -> None:
        """Move every code towards the latents that chose it; with `restarts`, move unused ones to latents."""
        for part, piece in enumerate(latents.split(self.width, dim=1)):
            usage, code_sum = self.get_buffer(f"usage_{part}"), self.get_buffer(f"sum_{part}")
            counts = torch.bincount(chosen[:, part], minlength=len(usage)).float()
            sums = torch.zeros_like(code_sum).index_add_(0, chosen[:, part], piece)
            mean_over_processes([counts, sums])
            usage.mul_(decay).add_(counts, alpha=1 - decay)
            code_sum.mul_(decay).add_(sums, alpha=1 - decay)
            unused = (usage < _UNUSED).nonzero()[:, 0]
            if restarts and len(unused):
                usage[unused] = 1.0
                code_sum[unused] = piece[torch.from_numpy(rng.integers(len(piece), size=len(unused)))]
                take_from_first(code_sum)

    def bits_used(self) -> float:
        """Bits a token that the codes in use can tell apart: the sum over the parts of log2 of their number."""
        used = [int((self.get_buffer(f"usage_{part}") > _UNUSED).sum()) for part in range(len(self.sizes))]
        return sum(math.log2(max(count, 1)) for count in used)
