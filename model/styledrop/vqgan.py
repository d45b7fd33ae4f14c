"""The VQGAN: images to discrete tokens and back (Muse, arXiv:2301.00704, Sec. 2.2).

The layout and the parameter names are those of diffusers' `VQModel` as aMUSEd uses it
(convolutions only, no attention), so that aMUSEd's weights load unchanged and ours open there.
Pixels are in [0, 1] on both sides, as aMUSEd's are.

Shapes: batch, tokens (height x width of the latent grid, row-major), channels.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from styledrop.errors import BaseError
from styledrop.reading import read_json, reading
from styledrop.weights import StoredModel

_GROUP_NORM_EPS = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class VQGANConfig:
    """Sizes of the VQGAN; the names are those of diffusers' `VQModel`."""

    block_out_channels: tuple[int, ...]
    """Channels of each resolution, finest first; the latent grid is 2**(levels-1) times coarser than the image."""
    layers_per_block: int
    """Residual blocks a resolution in the encoder; the decoder has one more."""
    latent_channels: int
    """Length of a code."""
    num_vq_embeddings: int
    """Number of codes in the codebook."""
    norm_num_groups: int = 32
    """Groups of every group normalisation; must divide every entry of `block_out_channels`."""
    sample_size: int = 32
    """Written by diffusers and used by nobody; kept so that a config survives a round trip."""

    def __post_init__(self) -> None:
        odd = [width for width in self.block_out_channels if width % self.norm_num_groups]
        if odd:
            raise BaseError(
                f"expected block_out_channels divisible by norm_num_groups={self.norm_num_groups}, got {odd}"
            )

    @property
    def downsampling(self) -> int:
        """Pixels a token, along one side."""
        return 2 ** (len(self.block_out_channels) - 1)

    @classmethod
    def from_file(cls, path: Path) -> "VQGANConfig":
        """Read a diffusers `VQModel` config.json.

        Raises:
            BaseError: if it asks for something that aMUSEd's VQGAN does not have (attention, other norms, ...).
        """
        raw = read_json(path)
        for key, wanted in _FIXED.items():
            if raw.get(key, wanted) != wanted:
                raise BaseError(f"{path}: expected {key}={wanted!r} as in aMUSEd's VQModel, got {raw[key]!r}")
        if raw.get("vq_embed_dim") not in (None, raw.get("latent_channels")):
            raise BaseError(
                f"{path}: expected vq_embed_dim null or equal to latent_channels, got {raw['vq_embed_dim']}"
            )
        missing = [name for name in _REQUIRED if name not in raw]
        if missing:
            raise BaseError(f"{path}: expected a diffusers VQModel config, got one without {missing}")
        chosen = {name: raw[name] for name in (*_REQUIRED, "norm_num_groups", "sample_size") if name in raw}
        with reading(path):
            return cls(**{**chosen, "block_out_channels": tuple(chosen["block_out_channels"])})

    def to_file(self, path: Path) -> None:
        """Write the config.json that diffusers' `VQModel.from_pretrained` reads."""
        levels = len(self.block_out_channels)
        raw = {
            "_class_name": "VQModel",
            **_FIXED,
            **asdict(self),
            "down_block_types": ["DownEncoderBlock2D"] * levels,
            "up_block_types": ["UpDecoderBlock2D"] * levels,
            "vq_embed_dim": None,
            "force_upcast": True,
        }
        path.write_text(json.dumps(raw, indent=2, sort_keys=True) + "\n")


_REQUIRED = ("block_out_channels", "layers_per_block", "latent_channels", "num_vq_embeddings")
_FIXED = {
    "in_channels": 3,
    "out_channels": 3,
    "act_fn": "silu",
    "norm_type": "group",
    "mid_block_add_attention": False,
    "lookup_from_codebook": True,
}


class _GroupNorm(nn.GroupNorm):
    """Group normalisation in float32 whatever the autocast: its backward pass in bfloat16 is five times as slow."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.group_norm(x.float(), self.num_groups, self.weight.float(), self.bias.float(), self.eps)


class _ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, groups: int) -> None:
        super().__init__()
        self.norm1 = _GroupNorm(groups, in_channels, eps=_GROUP_NORM_EPS)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = _GroupNorm(groups, out_channels, eps=_GROUP_NORM_EPS)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if in_channels != out_channels:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        return hidden + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class _Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class _Level(nn.Module):
    """The residual blocks of one resolution and, but for the last level, the change to the next."""

    def __init__(self, widths: list[int], groups: int, resample: nn.Module | None, name: str) -> None:
        super().__init__()
        pairs = zip(widths, widths[1:], strict=False)
        self.resnets = nn.ModuleList(_ResidualBlock(a, b, groups) for a, b in pairs)
        if resample is not None:
            self.add_module(name, nn.ModuleList([resample]))
        self._resample_name = name

    def forward(self, x: Tensor) -> Tensor:
        for block in self.resnets:
            x = block(x)
        for resample in getattr(self, self._resample_name, ()):
            x = resample(x)
        return x


class _Encoder(nn.Module):
    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for i, width in enumerate(widths):
            resample = _Downsample(width) if i + 1 < len(widths) else None
            ladder = [widths[max(i - 1, 0)], *[width] * config.layers_per_block]
            self.down_blocks.append(_Level(ladder, groups, resample, "downsamplers"))
        self.mid_block = _Level([widths[-1]] * 3, groups, None, "none")
        self.conv_norm_out = _GroupNorm(groups, widths[-1], eps=_GROUP_NORM_EPS)
        self.conv_out = nn.Conv2d(widths[-1], config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class _Decoder(nn.Module):
    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels[::-1], config.norm_num_groups
        self.conv_in = nn.Conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.mid_block = _Level([widths[0]] * 3, groups, None, "none")
        self.up_blocks = nn.ModuleList()
        for i, width in enumerate(widths):
            resample = _Upsample(width) if i + 1 < len(widths) else None
            ladder = [widths[max(i - 1, 0)], *[width] * (config.layers_per_block + 1)]
            self.up_blocks.append(_Level(ladder, groups, resample, "upsamplers"))
        self.conv_norm_out = _GroupNorm(groups, widths[-1], eps=_GROUP_NORM_EPS)
        self.conv_out = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class _Codebook(nn.Module):
    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.num_vq_embeddings, config.latent_channels)


class VQGAN(StoredModel[VQGANConfig]):
    """Encoder E, codebook and decoder D.

    `encode` and `decode` are all that the generator's side needs; pretraining also uses
    `latents` and `pixels`, the two halves without the codebook between them.
    """

    config_type = VQGANConfig

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__(config)
        self.encoder = _Encoder(config)
        self.quant_conv = nn.Conv2d(config.latent_channels, config.latent_channels, 1)
        self.quantize = _Codebook(config)
        self.post_quant_conv = nn.Conv2d(config.latent_channels, config.latent_channels, 1)
        self.decoder = _Decoder(config)

    @property
    def codebook(self) -> Float[Tensor, "codes channels"]:
        """The codes; row i is what token i stands for."""
        return self.quantize.embedding.weight

    def latents(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels latent_height latent_width"]:
        """The encoder's output, before the codebook."""
        latents: Tensor = self.quant_conv(self.encoder(images))
        return latents

    def pixels(
        self, latents: Float[Tensor, "batch channels latent_height latent_width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """The decoder's output for codes laid out on the latent grid; not clipped."""
        pixels: Tensor = self.decoder(self.post_quant_conv(latents))
        return pixels

    def nearest_codes(self, latents: Float[Tensor, "rows channels"]) -> Int[Tensor, " rows"]:
        """Index of the nearest code, by Euclidean distance, of every row."""
        return torch.cdist(latents.float(), self.codebook.float()).argmin(dim=1)

    def encode(self, images: Float[Tensor, "batch 3 height width"]) -> Int[Tensor, "batch tokens"]:
        """Tokens of images with pixels in [0, 1].

        Raises:
            BaseError: if a side is not a multiple of `config.downsampling`.
        """
        if images.shape[2] % self.config.downsampling or images.shape[3] % self.config.downsampling:
            raise BaseError(
                f"expected image sides that are multiples of {self.config.downsampling} px, "
                f"got {images.shape[3]}x{images.shape[2]}; resize the image first"
            )
        latents = self.latents(images)
        rows = latents.permute(0, 2, 3, 1).flatten(0, 2)
        return self.nearest_codes(rows).view(images.shape[0], -1)

    def decode(self, tokens: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch 3 height width"]:
        """Images, clipped to [0, 1], of tokens that fill a square grid."""
        side = round(tokens.shape[1] ** 0.5)
        if side * side != tokens.shape[1]:
            raise BaseError(f"expected a square number of tokens, got {tokens.shape[1]}")
        codes = self.codebook[tokens].view(tokens.shape[0], side, side, -1)
        return self.pixels(codes.permute(0, 3, 1, 2).contiguous()).clamp(0.0, 1.0)
