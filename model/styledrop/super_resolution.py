"""Super-resolution: from an image's tokens to those of the same image at twice the size.

As in Muse (arXiv 2301.00704, Sec. 2.4), a second generator predicts the masked tokens of the large image. What the
small image shows reaches it twice:
- beside the text, for the cross-attentions, as in Muse: its tokens through a small encoder
- on the grid, added to the tokens' embeddings: the latents of the small image, scaled up. aMUSEd's generator has no
  positions, so attention alone cannot tell what lies under a large token, and what is to be learnt is only how a
  sharp image differs from a scaled one (docs/log.md)

One VQGAN serves both sizes. `styledrop.enlarge` samples and tunes with it.

Shapes: batch, low (tokens of the small image, row-major), tokens (of the large image, four times as many),
length (text tokens), width (text encoder), latent_channels (VQGAN).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.generator import Condition, Generator, GeneratorConfig, micro_conditions
from styledrop.reading import read_json
from styledrop.vqgan import VQGAN
from styledrop.weights import CONFIG, StoredModel

SCALE = 2
"""Side of the large image, in sides of the small one."""


@dataclass(frozen=True, kw_only=True)
class SuperResolutionConfig:
    """Sizes of both parts."""

    generator: GeneratorConfig
    """Its grid is that of the large image."""
    latent_channels: int
    """The VQGAN's."""
    encoder_layers: int = 2
    encoder_heads: int = 4

    def __post_init__(self) -> None:
        if self.generator.sample_size % SCALE:
            raise ValueError(f"expected a sample_size that is a multiple of {SCALE}, got {self.generator.sample_size}")

    @property
    def num_low(self) -> int:
        """Tokens of the small image."""
        return (self.generator.sample_size // SCALE) ** 2

    @classmethod
    def from_file(cls, path: Path) -> "SuperResolutionConfig":
        """Read what `to_file` wrote."""
        sizes = read_json(path)
        return cls(**{**sizes, "generator": GeneratorConfig(**sizes["generator"])})

    def to_file(self, path: Path) -> None:
        """Write the config as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


class SuperResolution(StoredModel[SuperResolutionConfig]):
    """The encoder of the small image, and the generator of the large one."""

    weights_name = "model.safetensors"
    config_type = SuperResolutionConfig

    def __init__(self, config: SuperResolutionConfig) -> None:
        super().__init__(config)
        self.sha256 = ""
        shape = config.generator
        width = shape.hidden_size
        self.embedding = nn.Embedding(shape.codebook_size, width)
        self.places = nn.Parameter(torch.zeros(config.num_low, width))
        layer = nn.TransformerEncoderLayer(
            width, config.encoder_heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.encoder_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.to_text = nn.Linear(width, shape.encoder_hidden_size)
        self.to_grid = nn.Linear(config.latent_channels, shape.block_out_channels)
        self.generator = Generator(shape)

    def condition(
        self,
        low: Int[Tensor, "batch low"],
        latents: Float[Tensor, "batch tokens latent_channels"],
        hidden: Float[Tensor, "batch length width"],
        pooled: Float[Tensor, "batch pooled_width"],
        size_px: int,
    ) -> Condition:
        """Condition the generator on small images, their `scaled_latents` and text features.

        `size_px` is the large images'.
        """
        encoded = self.norm(self.encoder(self.embedding(low) + self.places))
        beside = torch.cat([hidden, self.to_text(encoded).to(hidden.dtype)], dim=1)
        of_text = self.generator.condition(beside, pooled, micro_conditions(size_px, len(low), low.device))
        grid = self.to_grid(latents.to(encoded.dtype))
        return Condition(of_text.keys, of_text.values, of_text.scales, of_text.shifts, (grid,))

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator) -> None:
        """Set all weights for training from scratch; every value comes from `rng`."""
        self.generator.init_weights(rng)
        for name, parameter in self.named_parameters():
            if name.startswith("generator."):
                continue
            if parameter.ndim == 1:
                nn.init.constant_(parameter, float("norm" in name and name.endswith("weight")))
            else:
                nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04, generator=rng)

    @classmethod
    def from_folder(cls, folder: Path, dtype: torch.dtype = torch.float32) -> "SuperResolution":
        """Load it, with the digest of both its files."""
        module = super().from_folder(folder, dtype)
        digest = hashlib.sha256()
        for name in (CONFIG, cls.weights_name):
            digest.update((folder / name).read_bytes())
        module.sha256 = digest.hexdigest()
        return module


@torch.no_grad()
def scaled_latents(
    vqgan: VQGAN, small: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch tokens latent_channels"]:
    """What the VQGAN sees in small images, as it decodes them, when they are scaled up; before its codebook."""
    scaled = F.interpolate(small, scale_factor=SCALE, mode="bilinear")
    return vqgan.latents(scaled).flatten(2).transpose(1, 2)
