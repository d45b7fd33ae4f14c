"""All of the generator's weights tuned, as DreamBooth (arXiv:2208.12242) does: the baseline of StyleDrop's Tab. 2."""

import copy
from dataclasses import replace

import torch

from styledrop.base import Base
from styledrop.config.tuning import FullFineTuneConfig
from styledrop.generator import Generator
from styledrop.tuned import Tuned


class FullFineTune(Tuned):
    """A copy of the generator."""

    changes_condition = True

    def __init__(self, config: FullFineTuneConfig, generator: Generator) -> None:
        super().__init__()
        self.config = config
        # In float32: steps of a small learning rate are lost in weights of 16 bits.
        self.generator = copy.deepcopy(generator).float().requires_grad_(True)

    def init_weights(self, rng: torch.Generator) -> None:
        """Do nothing: the copy starts as the base is."""

    def on(self, base: Base) -> Base:
        """Give a base with the tuned generator."""
        return replace(base, generator=self.generator)
