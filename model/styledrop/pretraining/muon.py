"""Muon: momentum whose update of a matrix is made orthogonal (Jordan et al. 2024; arXiv:2502.16982).

torch.optim.Muon does the same for one matrix at a time, always in bfloat16. This one works on all
matrices of a shape at once, in float32 where the processor would emulate bfloat16, and in a process
group each process makes its share of them.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from styledrop.precision import fastest_dtype
from styledrop.pretraining.processes import rank_and_count, sum_over_processes

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration (Jordan et al.)
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For weights of linear layers and convolutions; its rates are on AdamW's scale (arXiv:2502.16982, eq. 4).

    A convolution's weight is the matrix from all it sees in one place to its channels.
    """

    def __init__(
        self, weights: Iterable[Tensor], *, lr: float, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # never evaluates the loss itself
        """Move every matrix; all processes of a group must call it with the same gradients."""
        rank, count = rank_and_count()
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[Tensor]] = {}
            for weight in group["params"]:
                by_shape.setdefault((weight.shape[0], weight[0].numel()), []).append(weight)
            updates = {}
            for shape, weights in by_shape.items():
                directions = torch.stack(
                    [self._direction(weight, group["momentum"]).reshape(shape) for weight in weights]
                )
                update = torch.zeros_like(directions)
                if len(weights) > rank:
                    share = directions[rank::count]
                    update[rank::count] = orthogonalized(share.to(fastest_dtype(share.device)))
                updates[shape] = update
            sum_over_processes(list(updates.values()))
            for shape, weights in by_shape.items():
                rate = group["lr"] * 0.2 * max(shape) ** 0.5
                for weight, update in zip(weights, updates[shape], strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update.view(weight.shape), alpha=rate)

    def _direction(self, weight: Tensor, momentum: float) -> Tensor:
        """Nesterov's: the gradient, moved to the mean of the past ones."""
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        assert weight.grad is not None
        mean: Tensor = state["momentum"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(mean, momentum)


def matrices_of(module: nn.Module, kind: type[nn.Linear | nn.Conv2d]) -> list[Tensor]:
    """The trained weights of the linear layers in `module`, or of its convolutions."""
    return [part.weight for part in module.modules() if isinstance(part, kind) and part.weight.requires_grad]


def orthogonalized(matrices: Float[Tensor, "matrices rows columns"]) -> Float[Tensor, "matrices rows columns"]:
    """Give each matrix's nearest semi-orthogonal one, roughly: singular values from 0.7 to 1.2 (Newton-Schulz).

    It is computed in the matrices' own precision, for which bfloat16 is enough.
    """
    a, b, c = _COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    out = matrices.mT if is_tall else matrices
    out = out / out.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(_ITERATIONS):
        gram = out @ out.mT
        out = torch.baddbmm(out, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), out, beta=a)
    return out.mT if is_tall else out
