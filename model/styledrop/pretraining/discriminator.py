"""The VQGAN's adversary: is a patch of an icon, or decoded? (arXiv:2012.09841, Sec. 3.1, eq. 4 to 7)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

_GROUPS = 8
"""Of every group normalisation; must divide the widths."""


class Discriminator(nn.Module):
    """Convolutions that see a patch of the image and say how real it looks."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        levels: list[nn.Module] = []
        for fine, coarse in zip((3, *widths), widths, strict=False):
            levels.append(nn.Conv2d(fine, coarse, 4, stride=2, padding=1))
            if fine != 3:
                levels.append(nn.GroupNorm(_GROUPS, coarse))
            levels.append(nn.LeakyReLU(0.2))
        self.levels = nn.Sequential(*levels, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 rows columns"]:
        """A logit for every patch of images with pixels in [0, 1]: above zero, it looks real."""
        logits: Tensor = self.levels(pixels * 2 - 1)
        return logits

    def hinge_loss(
        self, real: Float[Tensor, "batch 3 height width"], decoded: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, ""]:
        """The discriminator's own hinge loss: 2 when it says nothing, 0 when all are told apart."""
        return F.relu(1 - self(real)).mean() + F.relu(1 + self(decoded.detach())).mean()

    def decoder_loss(self, decoded: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, ""]:
        """The decoder's loss; no gradient reaches the discriminator."""
        fixed = {name: value.detach() for name, value in self.named_parameters()}
        return -torch.as_tensor(functional_call(self, fixed, (decoded,))).mean()
