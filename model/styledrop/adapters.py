"""The style adapter: all that StyleDrop tunes (arXiv 2306.00983, App. B.1.1 and Fig. S1).

A bottleneck after the cross-attention and one after the feed-forward of every transformer layer,
on their outputs, before the residual add (as in Houlsby et al., arXiv 1902.00751).

At the start all up weights are zero: a new adapter changes nothing.

Shapes: rows (batch x tokens), layers, width (of the transformer), bottleneck.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from styledrop.blocks import Site
from styledrop.config.tuning import AdapterConfig
from styledrop.generator import SITES, GeneratorConfig
from styledrop.tuned import Tuned


class _SiteAdapter(nn.Module):
    """The adapters of one site in all layers (the paper's `AdapterGenerator`)."""

    def __init__(self, config: AdapterConfig, num_layers: int, width: int) -> None:
        super().__init__()
        pairs = 1 if config.share_across_layers else num_layers
        self.down = nn.Parameter(torch.zeros(pairs, width, config.bottleneck))
        self.up = nn.Parameter(torch.zeros(pairs, config.bottleneck, width))
        self.down_offset: nn.Parameter | None = None
        self.up_offset: nn.Parameter | None = None
        if config.share_across_layers:
            self.down_offset = nn.Parameter(torch.zeros(num_layers, 1, config.bottleneck))
            self.up_offset = nn.Parameter(torch.zeros(num_layers, 1, width))

    def forward(self, layer: int, hidden: Tensor) -> Tensor:
        if self.down_offset is None or self.up_offset is None:
            down, up = self.down[layer], self.up[layer]
        else:
            down, up = self.down[0] + self.down_offset[layer], self.up[0] + self.up_offset[layer]
        change = F.gelu(hidden.to(down.dtype) @ down, approximate="tanh") @ up
        return hidden + change.to(hidden.dtype)


class Adapter(Tuned):
    """Both sites' adapters for every layer of one generator."""

    def __init__(self, config: AdapterConfig, *, num_layers: int, width: int) -> None:
        super().__init__()
        self.config = config
        self.attention = _SiteAdapter(config, num_layers, width)
        self.feed_forward = _SiteAdapter(config, num_layers, width)

    @classmethod
    def for_generator(cls, config: AdapterConfig, generator: GeneratorConfig) -> "Adapter":
        """Make an adapter of the generator's size, with all weights zero."""
        return cls(config, num_layers=generator.num_hidden_layers, width=generator.hidden_size)

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator) -> None:
        """Set the up weights to zero, the down weights to a truncated normal of 0.02 drawn from `rng`."""
        for site in SITES:
            for name, parameter in self.get_submodule(site).named_parameters():
                if name.startswith("up"):
                    parameter.zero_()
                else:
                    nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04, generator=rng)

    def adapt(self, layer: int, site: Site, hidden: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """Adapt what `site` of `layer` puts out; this is a generator's `adapt`."""
        return (self.attention if site == "attention" else self.feed_forward)(layer, hidden)


class Mixture(Tuned):
    """Several styles at once: the changes that their adapters make, each times a weight, added up."""

    def __init__(self, parts: Sequence[tuple[Tuned, float]]) -> None:
        if not parts:
            raise ValueError("expected at least one adapter with its weight, got none")
        refuse_other_methods([adapter for adapter, _ in parts])
        super().__init__()
        self.adapters = nn.ModuleList(adapter for adapter, _ in parts)
        self.parts = list(parts)

    def adapt(self, layer: int, site: Site, hidden: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """Add the weighted changes."""
        changes = [weight * (adapter.adapt(layer, site, hidden) - hidden) for adapter, weight in self.parts]
        return hidden + torch.stack(changes).sum(dim=0)


class PerImage(Tuned):
    """Another adapter for each image of a batch; a plain `Tuned` leaves its images as the base draws them."""

    def __init__(self, of_images: Sequence[Tuned], *, device: torch.device) -> None:
        refuse_other_methods(of_images)
        super().__init__()
        distinct = {id(tuned): tuned for tuned in of_images}
        places = [id(tuned) for tuned in of_images]
        self.groups = [
            (tuned, torch.tensor([row for row, place in enumerate(places) if place == key], device=device))
            for key, tuned in distinct.items()
        ]

    def adapt(self, layer: int, site: Site, hidden: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """Give each image's rows to its own adapter."""
        out = torch.empty_like(hidden)
        for tuned, images in self.groups:
            out[images] = tuned.adapt(layer, site, hidden[images])
        return out


def refuse_other_methods(tuned: Sequence[Tuned]) -> None:
    """Refuse what no batch has beside others: a LoRA, a soft prompt, or a generator of its own.

    Raises:
        ValueError: naming it.
    """
    others = sorted({type(one).__name__ for one in tuned if one.changes_condition})
    if others:
        raise ValueError(
            f"expected adapters to mix, or one for each image, got {others}; draw those one style at a time"
        )
