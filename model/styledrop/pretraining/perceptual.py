"""How different two images look to a network that knows icons (LPIPS, arXiv:1801.03924, Sec. 3).

The network is the image tower of the base's own CLIP: one trained on photographs knows neither flat colours nor
outlines, and cannot be had without a download.
"""

import torch
from jaxtyping import Float
from open_clip.modified_resnet import ModifiedResNet
from torch import Tensor, nn
from torch.nn import functional as F

_TINY = 1e-6


class PerceptualDistance(nn.Module):
    """The mean squared difference of unit feature vectors, over the places of a level and over its levels."""

    def __init__(self, tower: ModifiedResNet) -> None:
        super().__init__()
        self.tower = tower.eval().requires_grad_(False)

    def forward(
        self, decoded: Float[Tensor, "batch 3 height width"], real: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, ""]:
        """Between images with pixels in [0, 1], of any size that the tower's levels halve."""
        with torch.no_grad():
            wanted = self._levels(real)
        differences = [
            (F.normalize(seen, dim=1, eps=_TINY) - F.normalize(there, dim=1, eps=_TINY)).square().sum(dim=1).mean()
            for seen, there in zip(self._levels(decoded), wanted, strict=True)
        ]
        return torch.stack(differences).mean()

    def _levels(self, pixels: Tensor) -> list[Tensor]:
        tower = self.tower
        # What open_clip_config.json says of the embedded scorer: mean and deviation 0.5.
        first = tower.act1(tower.bn1(tower.conv1(pixels * 2 - 1)))
        second = tower.act3(tower.bn3(tower.conv3(tower.act2(tower.bn2(tower.conv2(first))))))
        third = tower.layer1(tower.avgpool(second))
        fourth = tower.layer2(third)
        return [first, second, third, fourth, tower.layer3(fourth)]
