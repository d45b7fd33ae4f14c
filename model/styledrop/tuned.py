"""What tuning makes of a frozen base: a module of a few weights that acts in one of three places.

adapter                 changes what the transformer layers put out   (`adapt`)
LoRA, full fine-tune    change the generator's own weights            (`on`)
soft prompt             extends the text                              (`extend`)
"""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from styledrop.base import Base
from styledrop.blocks import Site


class Tuned(nn.Module):
    """The tuned weights θ of one style or subject; as it stands here, it changes nothing."""

    changes_condition: ClassVar[bool] = False
    """Whether what the prompts give to every step (`Condition`) differs from the base's own."""

    def init_weights(self, rng: torch.Generator) -> None:
        """Set all weights for tuning from scratch; every value comes from `rng`."""
        raise NotImplementedError

    def adapt(self, layer: int, site: Site, hidden: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """Change what `site` of `layer` puts out; this is a generator's `adapt`."""
        return hidden

    def on(self, base: Base) -> Base:
        """Give the base to run: `base` itself, or a copy whose generator has changed weights."""
        return base

    def extend(self, hidden: Float[Tensor, "batch length width"]) -> Float[Tensor, "batch longer width"]:
        """Change the text features that the generator attends to."""
        return hidden

    def parameter_count(self) -> int:
        """Number of tuned values."""
        return sum(parameter.numel() for parameter in self.parameters())
