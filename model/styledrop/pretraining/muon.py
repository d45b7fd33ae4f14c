"""Muon: momentum whose update of a matrix is made orthogonal (Jordan et al. 2024; arXiv:2502.16982).

torch.optim.Muon does the same for one matrix at a time in bfloat16, which a processor without
bfloat16 emulates. This one works in float32, on all matrices of a shape at once, and in a process
group each process makes its share of them.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from styledrop.pretraining.processes import rank_and_count, sum_over_processes

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration (Jordan et al.)
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For weights of linear layers; its rates are on AdamW's scale (arXiv:2502.16982, eq. 4)."""

    def __init__(
        self, matrices: Iterable[Tensor], *, lr: float, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # never evaluates the loss itself
        """Move every matrix; all processes of a group must call it with the same gradients."""
        rank, count = rank_and_count()
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                by_shape.setdefault(matrix.shape, []).append(matrix)
            updates = {}
            for shape, matrices in by_shape.items():
                directions = torch.stack([self._direction(matrix, group["momentum"]) for matrix in matrices])
                update = torch.zeros_like(directions)
                if len(matrices) > rank:
                    update[rank::count] = orthogonalized(directions[rank::count])
                updates[shape] = update
            sum_over_processes(list(updates.values()))
            for shape, matrices in by_shape.items():
                rate = group["lr"] * 0.2 * max(shape) ** 0.5
                for matrix, update in zip(matrices, updates[shape], strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=rate)

    def _direction(self, matrix: Tensor, momentum: float) -> Tensor:
        """Nesterov's: the gradient, moved to the mean of the past ones."""
        state = self.state[matrix]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        assert matrix.grad is not None
        mean: Tensor = state["momentum"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(mean, momentum)


def orthogonalized(matrices: Float[Tensor, "matrices rows columns"]) -> Float[Tensor, "matrices rows columns"]:
    """Give each matrix's nearest semi-orthogonal one, roughly: singular values from 0.7 to 1.2 (Newton-Schulz)."""
    a, b, c = _COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    out = matrices.mT if is_tall else matrices
    out = out / out.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(_ITERATIONS):
        gram = out @ out.mT
        out = torch.baddbmm(out, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), out, beta=a)
    return out.mT if is_tall else out
