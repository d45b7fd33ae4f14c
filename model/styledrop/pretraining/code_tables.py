"""A generator's tables of codes in training, where the codebook is a product of smaller ones.

A generator has a row for each code in two tables: what a token is read as, and how it is predicted. With product codes
(`styledrop.pretraining.codes`) a row is the sum of one row of each part's table, so what is learnt of a colour
serves all the shapes that it is seen with. The logits are then sums as well, and the softmax over all codes is the
product of the parts' softmaxes. Afterwards the sums are written out, and the generator is an ordinary one.

Shapes: codes and rest (rows of a table that are no codes, such as the mask's), channels.
"""

import itertools
import math
import operator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from styledrop.generator import Generator


class _SumOfParts(nn.Module):
    """A table whose first rows are sums of the parts' rows; the last part counts fastest."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, *tables: Tensor) -> Tensor:
        """The whole table of the parts' tables and the rest."""
        *parts, rest = tables
        total = parts[0]
        for part in parts[1:]:
            total = (total[:, None] + part[None]).flatten(0, 1)
        return torch.cat([total, rest])

    def right_inverse(self, table: Tensor) -> tuple[Tensor, ...]:
        """The parts' tables whose sums are nearest to `table`, and the rest."""
        num_codes = math.prod(self.sizes)
        grid = table[:num_codes].unflatten(0, self.sizes)
        dims = range(len(self.sizes))
        mean = grid.mean(dim=tuple(dims), keepdim=True)
        parts = [grid.mean(dim=[d for d in dims if d != part], keepdim=True) for part in dims]
        centred = [part - mean * (1 - 1 / len(self.sizes)) for part in parts]
        return *(part.flatten(0, len(self.sizes) - 1) for part in centred), table[num_codes:]


def part_tables(generator: Generator, sizes: tuple[int, ...]) -> None:
    """Make both tables sums of the parts' tables, as near to what they were as sums can be."""
    for module in _tables_of(generator):
        parametrize.register_parametrization(module, "weight", _SumOfParts(sizes))


def join_tables(generator: Generator) -> None:
    """Write the sums out again."""
    for module in _tables_of(generator):
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


def init_part_tables(generator: Generator, rng: torch.Generator) -> None:
    """Set the parts' tables as `Generator.init_weights` sets the whole ones: sums of a deviation of 0.02."""
    for module in _tables_of(generator):
        _, parts = _parts_of(module)
        for part in parts:
            nn.init.trunc_normal_(part, std=0.02 / len(parts) ** 0.5, generator=rng)


def masked_cross_entropy_of_parts(
    generator: Generator,
    features: Float[Tensor, "batch tokens channels"],
    tokens: Int[Tensor, "batch tokens"],
    is_masked: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, ""]:
    """`masking.masked_cross_entropy` of logits that are sums, without ever making a logit for each code."""
    sizes, tables = _parts_of(generator.mlm_layer.conv2)
    masked, wanted = features[is_masked], tokens[is_masked]
    strides = list(itertools.accumulate(sizes[:0:-1], operator.mul, initial=1))[::-1]
    losses = [
        F.cross_entropy(F.linear(masked, table.flatten(1)).float(), wanted // stride % size)
        for table, size, stride in zip(tables, sizes, strides, strict=True)
    ]
    return torch.stack(losses).sum()


def _parts_of(module: nn.Module) -> tuple[tuple[int, ...], list[nn.Parameter]]:
    """The number of codes of every part, and the tables whose sums the module's weight is."""
    parametrizations = module.parametrizations
    assert isinstance(parametrizations, nn.ModuleDict)
    weight = parametrizations["weight"]
    assert isinstance(weight, parametrize.ParametrizationList)
    total = weight[0]
    assert isinstance(total, _SumOfParts), "only part_tables parametrizes it"
    return total.sizes, [weight.get_parameter(f"original{part}") for part in range(len(total.sizes))]


def _tables_of(generator: Generator) -> tuple[nn.Module, nn.Module]:
    return generator.embed.embeddings, generator.mlm_layer.conv2
