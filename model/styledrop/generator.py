"""The generator G of a base: a masked-token transformer in aMUSEd's U-ViT layout (arXiv 2401.01808).

Turns image tokens, some of them masked, and a text condition into logits over the codebook.
Knows nothing of sampling, guidance, prompts or adapters: an adapter is a function `adapt` which
it calls where StyleDrop puts its adapters (arXiv 2306.00983, Fig. S1).

Unusual, and kept so that aMUSEd's weights load under their own names with equal results:
- no positions anywhere; they come from the zero padding of the depthwise convolutions
- the convolution blocks attend to the text twice and have no feed-forward of their own
- scale and shift of a residual block act on its sum, of a transformer layer on its norms
- no bias, no attention mask, no gate on residuals

All that does not change while an image is sampled lies in a `Condition`, computed once.

Shapes: batch, tokens (height x width of the latent grid, row-major), length (text tokens),
width (text encoder), hidden (transformer), channels (convolution blocks), codebook.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from styledrop.blocks import AdaptivePart, ConvolutionBlock, RMSNorm, Site, TextPart, TransformerLayer, typed_modules
from styledrop.reading import read_json
from styledrop.weights import StoredModel

SITES: tuple[Site, ...] = ("attention", "feed_forward")

_NUM_MICRO = 5  # width, height, crop top, crop left, aesthetic score
_AESTHETIC_SCORE = 6.0
_FIXED = {"use_bias": False, "hidden_dropout": 0.0, "attention_dropout": 0.0, "ln_elementwise_affine": True}


Adapt = Callable[[int, Site, Tensor], Tensor]
"""What an adapter does to the output of a layer's site before the residual add; the shape stays."""


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """Sizes of a generator, under diffusers' names (`UVit2DModel`), with aMUSEd-256's values."""

    hidden_size: int = 1024
    cond_embed_dim: int = 768
    """Width of the pooled text features."""
    micro_cond_encode_dim: int = 256
    micro_cond_embed_dim: int = 1280
    encoder_hidden_size: int = 768
    """Width of the text features."""
    vocab_size: int = 8256
    """Codes, then unused ids, then the mask: the mask is `vocab_size - 1`."""
    codebook_size: int = 8192
    in_channels: int = 768
    block_out_channels: int = 768
    num_res_blocks: int = 3
    downsample: bool = False
    upsample: bool = False
    block_num_heads: int = 12
    num_hidden_layers: int = 22
    num_attention_heads: int = 16
    intermediate_size: int = 2816
    layer_norm_eps: float = 1e-6
    sample_size: int = 16
    """Side of the latent grid."""

    def __post_init__(self) -> None:
        for whole, part in (
            ("hidden_size", "num_attention_heads"),
            ("block_out_channels", "block_num_heads"),
        ):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(
                    f"expected {whole} to be a multiple of {part}, "
                    f"got {getattr(self, whole)} and {getattr(self, part)}; change one of them"
                )
        if self.micro_cond_embed_dim != _NUM_MICRO * self.micro_cond_encode_dim:
            raise ValueError(
                f"expected micro_cond_embed_dim = {_NUM_MICRO} x micro_cond_encode_dim "
                f"({_NUM_MICRO * self.micro_cond_encode_dim}), got {self.micro_cond_embed_dim}; change one of them"
            )
        if self.vocab_size <= self.codebook_size:
            raise ValueError(
                f"expected vocab_size above codebook_size {self.codebook_size} (room for the mask), "
                f"got {self.vocab_size}; use at least {self.codebook_size + 1}"
            )
        if self.downsample != self.upsample:
            raise ValueError(
                f"expected downsample and upsample to be equal, got {self.downsample} and {self.upsample}; "
                "the logits must have the grid of the tokens"
            )

    @property
    def mask_id(self) -> int:
        """The id of a masked token."""
        return self.vocab_size - 1

    @property
    def num_tokens(self) -> int:
        """Tokens of one image."""
        return self.sample_size**2

    @classmethod
    def from_file(cls, path: Path) -> "GeneratorConfig":
        """Read diffusers' `config.json`; its private keys (`_class_name`, ...) are passed over.

        Raises:
            ValueError: a key is unknown, or a value is one this generator was not built for.
        """
        raw = read_json(path)
        given = {key: value for key, value in raw.items() if not key.startswith("_")}
        for key, value in _FIXED.items():
            if given.pop(key, value) != value:
                raise ValueError(
                    f"{path}: expected {key} to be {value} as in aMUSEd, got {raw[key]}; it is not supported"
                )
        unknown = sorted(given.keys() - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"{path}: unknown keys {unknown}; is this the config of a UVit2DModel?")
        return cls(**given)

    def to_file(self, path: Path) -> None:
        """Write the `config.json` from which diffusers builds the same model."""
        path.write_text(json.dumps({"_class_name": "UVit2DModel", **asdict(self), **_FIXED}, indent=2) + "\n")


@dataclass(frozen=True)
class Condition:
    """A batch of prompts as the generator uses them: all that does not depend on the image tokens.

    Each tuple follows the order of the forward pass: down block, transformer layers, up block.
    """

    keys: tuple[Float[Tensor, "batch _ length _"], ...]
    """Text keys, one per cross-attention."""
    values: tuple[Float[Tensor, "batch _ length _"], ...]
    scales: tuple[Float[Tensor, "batch 1 _"], ...]
    """One per residual block (1 + scale) and per adaptive norm (norm weight x (1 + scale))."""
    shifts: tuple[Float[Tensor, "batch 1 _"], ...]
    grids: tuple[Float[Tensor, "batch tokens channels"], ...] = ()
    """What is added to the tokens' embeddings: nothing, or what super-resolution knows of every place."""

    @property
    def batch_size(self) -> int:
        """Rows in this condition."""
        return self.scales[0].shape[0]

    def select(self, rows: Int[Tensor, " rows"]) -> "Condition":
        """Take the given rows, in that order; a row may be taken many times."""
        return Condition(*(tuple(tensor[rows] for tensor in part) for part in self._parts()))

    @staticmethod
    def concatenate(conditions: Sequence["Condition"]) -> "Condition":
        """Put the rows of several conditions, made by one generator, after each other."""
        parts = zip(*(condition._parts() for condition in conditions), strict=True)
        return Condition(*(tuple(map(torch.cat, zip(*part, strict=True))) for part in parts))

    def _parts(self) -> tuple[tuple[Tensor, ...], ...]:
        return self.keys, self.values, self.scales, self.shifts, self.grids


class Generator(StoredModel[GeneratorConfig]):
    """aMUSEd's U-ViT; its state dict has the names and shapes of diffusers' `UVit2DModel`, and its folder the files."""

    config_type = GeneratorConfig

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__(config)
        hidden_size, channels, eps = config.hidden_size, config.block_out_channels, config.layer_norm_eps
        self.encoder_proj = nn.Linear(config.encoder_hidden_size, hidden_size, bias=False)
        self.encoder_proj_layer_norm = RMSNorm(hidden_size, eps)
        self.embed = _Embed(config)
        self.cond_embed = _ConditionEmbed(config)
        self.down_block = _convolution_block(config, downsample=config.downsample)
        self.project_to_hidden_norm = RMSNorm(channels, eps)
        self.project_to_hidden = nn.Linear(channels, hidden_size, bias=False)
        self.transformer_layers = nn.ModuleList(
            TransformerLayer(hidden_size, config.num_attention_heads, config.intermediate_size, eps)
            for _ in range(config.num_hidden_layers)
        )
        self.project_from_hidden_norm = RMSNorm(hidden_size, eps)
        self.project_from_hidden = nn.Linear(hidden_size, channels, bias=False)
        self.up_block = _convolution_block(config, upsample=config.upsample)
        self.mlm_layer = _Head(config)

    def condition(
        self,
        hidden: Float[Tensor, "batch length width"],
        pooled: Float[Tensor, "batch pooled_width"],
        micro: Float[Tensor, "batch 5"],
    ) -> Condition:
        """Compute once what the prompts and the micro-conditions give to every step.

        `micro` holds width, height, crop top, crop left (pixels) and aesthetic score.
        """
        text = self.encoder_proj_layer_norm(self.encoder_proj(hidden))
        encoded = _sinusoids(micro, self.config.micro_cond_encode_dim).to(pooled.dtype)
        activated = F.silu(self.cond_embed(torch.cat([pooled, encoded], dim=1)))

        layers = typed_modules(TransformerLayer, self.transformer_layers)
        stages: list[ConvolutionBlock | TransformerLayer] = [self.down_block, *layers, self.up_block]
        text_parts: list[TextPart] = []
        adaptive_parts: list[AdaptivePart] = []
        for stage in stages:
            stage_text, stage_adaptive = stage.condition(text, activated)
            text_parts += stage_text
            adaptive_parts += stage_adaptive
        keys, values = zip(*text_parts, strict=True)
        scales, shifts = zip(*adaptive_parts, strict=True)
        return Condition(keys=keys, values=values, scales=scales, shifts=shifts)

    def forward(
        self, tokens: Int[Tensor, "batch tokens"], condition: Condition, adapt: Adapt | None = None
    ) -> Float[Tensor, "batch tokens codebook"]:
        """Predict every token; `adapt` changes the outputs of the transformer layers' two sites.

        Raises:
            ValueError: if the tokens do not fill a square grid.
        """
        if math.isqrt(tokens.shape[1]) ** 2 != tokens.shape[1]:
            raise ValueError(f"expected a square number of tokens, got {tokens.shape[1]}")
        text: Iterator[TextPart] = zip(condition.keys, condition.values, strict=True)
        adaptive: Iterator[AdaptivePart] = zip(condition.scales, condition.shifts, strict=True)
        hidden = self.embed(tokens)
        for grid in condition.grids:
            hidden = hidden + grid
        hidden = self.down_block(hidden, text, adaptive)
        hidden = self.project_to_hidden(self.project_to_hidden_norm(hidden))
        for index, layer in enumerate(self.transformer_layers):
            hidden = layer(hidden, text, adaptive, _unchanged if adapt is None else partial(adapt, index))
        hidden = self.project_from_hidden(self.project_from_hidden_norm(hidden))
        logits: Tensor = self.mlm_layer(self.up_block(hidden, text, adaptive))
        return logits

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator) -> None:
        """Set all weights for training from scratch; every value comes from `rng`.

        Truncated normal of 0.02, smaller where a residual branch ends; adaptive scales and shifts
        start at zero, norms at one, and the depthwise kernels at their fan-in.
        """
        residual = 0.02 / math.sqrt(2 * self.config.num_hidden_layers)
        for name, parameter in self.named_parameters():
            if name.endswith((".gamma", ".beta", ".cond_embeds_mapper.weight", ".linear.weight")):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 1:
                nn.init.ones_(parameter)
            else:
                std = 0.02
                if name.endswith(".depthwise.weight"):
                    std = 1 / 3
                elif name.endswith((".to_out.0.weight", ".net.2.weight", ".channelwise_linear_2.weight")):
                    std = residual
                nn.init.trunc_normal_(parameter, std=std, a=-2 * std, b=2 * std, generator=rng)


class _Embed(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(config.vocab_size, config.in_channels)
        self.layer_norm = RMSNorm(config.in_channels, config.layer_norm_eps)
        self.conv = nn.Conv2d(config.in_channels, config.block_out_channels, 1, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        return _pointwise(self.conv, self.layer_norm(self.embeddings(tokens)))


class _ConditionEmbed(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(config.cond_embed_dim + config.micro_cond_embed_dim, config.hidden_size, bias=False)
        self.linear_2 = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(self, pooled: Tensor) -> Tensor:
        out: Tensor = self.linear_2(F.silu(self.linear_1(pooled)))
        return out


class _Head(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(config.block_out_channels, config.in_channels, 1, bias=False)
        self.layer_norm = RMSNorm(config.in_channels, config.layer_norm_eps)
        self.conv2 = nn.Conv2d(config.in_channels, config.codebook_size, 1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return _pointwise(self.conv2, self.layer_norm(_pointwise(self.conv1, hidden)))


def _unchanged(site: Site, hidden: Tensor) -> Tensor:
    return hidden


def _convolution_block(
    config: GeneratorConfig, *, downsample: bool = False, upsample: bool = False
) -> ConvolutionBlock:
    return ConvolutionBlock(
        config.block_out_channels,
        width=config.hidden_size,
        num_blocks=config.num_res_blocks,
        num_heads=config.block_num_heads,
        eps=config.layer_norm_eps,
        downsample=downsample,
        upsample=upsample,
    )


def _pointwise(conv: nn.Conv2d, hidden: Tensor) -> Tensor:
    return F.linear(hidden, conv.weight.flatten(1))


def micro_conditions(size_px: int, count: int, device: torch.device | str = "cpu") -> Float[Tensor, "batch 5"]:
    """Those of whole images of `size_px`, as aMUSEd's own pipelines ask for them."""
    return torch.tensor([[size_px, size_px, 0.0, 0.0, _AESTHETIC_SCORE]], device=device).expand(count, -1)


def _sinusoids(micro: Tensor, width: int) -> Tensor:
    """Encode each number by `width` cosines and sines, the cosines first."""
    steps = torch.arange(width // 2, dtype=torch.float32, device=micro.device)
    angles = micro.float()[..., None] * torch.exp(-math.log(10000) * steps / (width // 2))
    return torch.cat([angles.cos(), angles.sin()], dim=-1).flatten(1)
