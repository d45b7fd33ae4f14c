"""The parts of the generator: attention, adaptive norms, the convolution blocks on either side of the transformer.

Every parameter's name and shape is diffusers'. What depends on the prompt only (text keys and values,
scales and shifts) is handed in, see `generator.Condition`; the methods which compute it stand here too.

Shapes: batch, tokens (row-major over a square grid), features.
"""

import math
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Site = Literal["attention", "feed_forward"]
"""Where an adapter acts: on the output of the cross-attention, or of the feed-forward."""
TextPart = tuple[Tensor, Tensor]
"""Keys and values of one cross-attention, each (batch, heads, length, head_width)."""
AdaptivePart = tuple[Tensor, Tensor]
"""Scale and shift of one place, each (batch, 1, features)."""

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_BLOCK_NORM_EPS = 1e-6  # diffusers gives the convolution blocks' attention norms this, whatever the config says
_FEW_TOKENS = 256  # up to so many, attention's table of weights is small enough to be kept for the backward pass


class RMSNorm(nn.Module):
    """Division by the root mean square, computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, hidden: Tensor) -> Tensor:
        """Normalise the last dimension."""
        # Autocast leaves the weight in float32; one dtype for both is what the fused kernels take.
        return F.rms_norm(hidden, self.weight.shape, self.weight.to(hidden.dtype), self.eps)


class Attention(nn.Module):
    """Multi-head attention; keys and values come from outside, also for self-attention."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width, bias=False)])

    def keys_values(self, source: Tensor) -> TextPart:
        """Compute what `forward` attends to."""
        return self._heads(self.to_k(source)), self._heads(self.to_v(source))

    def forward(self, hidden: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from every token of `hidden`."""
        attended = _attended(self._heads(self.to_q(hidden)), keys, values)
        out: Tensor = self.to_out[0](attended.transpose(1, 2).flatten(2))
        return out

    def _heads(self, hidden: Tensor) -> Tensor:
        return hidden.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def _attended(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    if torch.is_grad_enabled() and query.device.type == "cpu" and query.shape[-2] <= _FEW_TOKENS:
        # The fused kernel's backward takes six times as long for so few tokens.
        return ((query * query.shape[-1] ** -0.5) @ keys.mT).softmax(dim=-1) @ values
    return F.scaled_dot_product_attention(query, keys, values)


class AdaptiveNorm(nn.Module):
    """A norm whose scale and shift follow the condition; `centred` is a LayerNorm, else RMS."""

    def __init__(self, width: int, eps: float, *, centred: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(width, eps, bias=False) if centred else RMSNorm(width, eps)
        self.centred = centred
        self.eps = eps

    def scale_shift(self, activated: Tensor) -> AdaptivePart:
        """Compute both from the activated condition."""
        # norm(x) w (1 + scale) + shift: the norm's weight w is folded into the scale, one pass less per layer.
        scale, shift = self.linear(activated)[:, None].chunk(2, dim=-1)
        return self.norm.weight * (1 + scale), shift

    def forward(self, hidden: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Normalise, then scale and shift."""
        width = hidden.shape[-1:]
        if self.centred:
            return torch.addcmul(shift, F.layer_norm(hidden, width, eps=self.eps), scale)
        return torch.addcmul(shift, F.rms_norm(hidden, width, eps=self.eps), scale)


class GatedProjection(nn.Module):
    """GEGLU: one half of the projection, gated by the GELU of the other."""

    def __init__(self, width: int, intermediate_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * intermediate_size, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Project to `intermediate_size`."""
        # Two products instead of one and its halves: a quarter faster on a CPU, for lack of strided halves.
        value, gate = self.proj.weight.chunk(2)
        return F.linear(hidden, value) * F.gelu(F.linear(hidden, gate))


class FeedForward(nn.Module):
    """Gated projection and back."""

    def __init__(self, width: int, intermediate_size: int) -> None:
        super().__init__()
        # Position 1 is diffusers' dropout; it keeps the second projection at the name `net.2`.
        self.net = nn.Sequential(
            GatedProjection(width, intermediate_size),
            nn.Identity(),
            nn.Linear(intermediate_size, width, bias=False),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Apply both."""
        out: Tensor = self.net(hidden)
        return out


class TransformerLayer(nn.Module):
    """Self-attention, cross-attention and feed-forward, with the two sites of an adapter."""

    def __init__(self, width: int, num_heads: int, intermediate_size: int, eps: float) -> None:
        super().__init__()
        self.norm1 = AdaptiveNorm(width, eps, centred=False)
        self.attn1 = Attention(width, num_heads)
        self.norm2 = AdaptiveNorm(width, eps, centred=False)
        self.attn2 = Attention(width, num_heads)
        self.norm3 = AdaptiveNorm(width, eps, centred=True)
        self.ff = FeedForward(width, intermediate_size)

    def condition(self, text: Tensor, activated: Tensor) -> tuple[list[TextPart], list[AdaptivePart]]:
        """Compute what `forward` will take from its iterators, in that order."""
        norms = (self.norm1, self.norm2, self.norm3)
        return [self.attn2.keys_values(text)], [norm.scale_shift(activated) for norm in norms]

    def forward(
        self,
        hidden: Tensor,
        text: Iterator[TextPart],
        adaptive: Iterator[AdaptivePart],
        adapt: Callable[[Site, Tensor], Tensor],
    ) -> Tensor:
        """Run the layer; `adapt` changes what a site adds to the residual stream."""
        normed = self.norm1(hidden, *next(adaptive))
        hidden = hidden + self.attn1(normed, *self.attn1.keys_values(normed))
        normed = self.norm2(hidden, *next(adaptive))
        hidden = hidden + adapt("attention", self.attn2(normed, *next(text)))
        normed = self.norm3(hidden, *next(adaptive))
        return hidden + adapt("feed_forward", self.ff(normed))


class GlobalResponseNorm(nn.Module):
    """ConvNeXt V2's norm (arXiv 2301.00808, Sec. 3): channels compete by their energy over the whole image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, width))

    def forward(self, hidden: Tensor) -> Tensor:
        """Normalise; `gamma` = `beta` = 0 is the identity."""
        # vector_norm is twice as slow on a CPU: it cannot sum over a middle dimension well.
        # The clamp keeps the gradient of a dead channel finite.
        energy = hidden.float().square().sum(dim=1, keepdim=True).clamp_min(1e-24).sqrt()
        response = (energy / (energy.mean(dim=-1, keepdim=True) + 1e-6)).to(hidden.dtype)
        # gamma (x response) + beta + x, with x taken out: one pass over the widest tensor of the model
        return torch.addcmul(self.beta[0], hidden, 1 + self.gamma[0] * response)


class ResidualBlock(nn.Module):
    """A ConvNeXt V2 block; scale and shift act on its sum."""

    def __init__(self, channels: int, width: int, eps: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = RMSNorm(channels, eps)
        self.channelwise_linear_1 = nn.Linear(channels, 4 * channels, bias=False)
        self.channelwise_norm = GlobalResponseNorm(4 * channels)
        self.channelwise_linear_2 = nn.Linear(4 * channels, channels, bias=False)
        self.cond_embeds_mapper = nn.Linear(width, 2 * channels, bias=False)

    def scale_shift(self, activated: Tensor) -> AdaptivePart:
        """Compute both from the activated condition."""
        scale, shift = self.cond_embeds_mapper(activated)[:, None].chunk(2, dim=-1)
        return 1 + scale, shift

    def forward(self, hidden: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Add the block's output, then scale and shift."""
        inner = self.norm(_to_tokens(self.depthwise(_to_grid(hidden))))
        inner = self.channelwise_norm(F.gelu(self.channelwise_linear_1(inner)))
        return torch.addcmul(shift, hidden + self.channelwise_linear_2(inner), scale)


class TextBlock(nn.Module):
    """diffusers' SkipFFTransformerBlock: two cross-attentions to the text, nothing else."""

    def __init__(self, channels: int, width: int, num_heads: int) -> None:
        super().__init__()
        # diffusers leaves the mapper out where the widths agree.
        self.kv_mapper = None if channels == width else nn.Linear(width, channels, bias=False)
        self.norm1 = RMSNorm(channels, _BLOCK_NORM_EPS)
        self.attn1 = Attention(channels, num_heads)
        self.norm2 = RMSNorm(channels, _BLOCK_NORM_EPS)
        self.attn2 = Attention(channels, num_heads)

    def keys_values(self, text: Tensor) -> list[TextPart]:
        """Compute what the two attentions attend to."""
        source = text if self.kv_mapper is None else self.kv_mapper(F.silu(text))
        return [self.attn1.keys_values(source), self.attn2.keys_values(source)]

    def forward(self, hidden: Tensor, first: TextPart, second: TextPart) -> Tensor:
        """Attend twice."""
        hidden = hidden + self.attn1(self.norm1(hidden), *first)
        out: Tensor = hidden + self.attn2(self.norm2(hidden), *second)
        return out


class Resample(nn.Module):
    """A norm and a convolution that halves or doubles the grid."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, eps: float) -> None:
        super().__init__()
        self.norm = RMSNorm(conv.in_channels, eps)
        self.conv = conv

    def forward(self, hidden: Tensor) -> Tensor:
        """Change the number of tokens fourfold."""
        return _to_tokens(self.conv(_to_grid(self.norm(hidden))))


class ConvolutionBlock(nn.Module):
    """What stands on either side of the transformer: residual and text blocks in turn, at full or half grid."""

    def __init__(
        self,
        channels: int,
        *,
        width: int,
        num_blocks: int,
        num_heads: int,
        eps: float,
        downsample: bool = False,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        self.res_blocks = nn.ModuleList(ResidualBlock(channels, width, eps) for _ in range(num_blocks))
        self.attention_blocks = nn.ModuleList(TextBlock(channels, width, num_heads) for _ in range(num_blocks))
        self.downsample: Resample | None = None
        self.upsample: Resample | None = None
        if downsample:
            self.downsample = Resample(nn.Conv2d(channels, channels, 2, stride=2, bias=False), eps)
        if upsample:
            self.upsample = Resample(nn.ConvTranspose2d(channels, channels, 2, stride=2, bias=False), eps)

    def condition(self, text: Tensor, activated: Tensor) -> tuple[list[TextPart], list[AdaptivePart]]:
        """Compute what `forward` will take from its iterators, in that order."""
        text_blocks, res_blocks = (
            typed_modules(TextBlock, self.attention_blocks),
            typed_modules(ResidualBlock, self.res_blocks),
        )
        text_parts = [part for block in text_blocks for part in block.keys_values(text)]
        return text_parts, [block.scale_shift(activated) for block in res_blocks]

    def forward(self, hidden: Tensor, text: Iterator[TextPart], adaptive: Iterator[AdaptivePart]) -> Tensor:
        """Run the blocks, taking each one's part of the condition."""
        if self.downsample is not None:
            hidden = self.downsample(hidden)
        for res_block, text_block in zip(self.res_blocks, self.attention_blocks, strict=True):
            hidden = text_block(res_block(hidden, *next(adaptive)), next(text), next(text))
        return hidden if self.upsample is None else self.upsample(hidden)


def typed_modules(kind: type[ModuleT], modules: nn.ModuleList) -> list[ModuleT]:
    """Give the modules of a list their type, which `nn.ModuleList` forgets."""
    return cast(list[ModuleT], list(modules))


def _to_grid(hidden: Tensor) -> Tensor:
    # A view: it is channels-last for the convolutions, which is also what they are fastest at.
    side = math.isqrt(hidden.shape[1])
    return hidden.unflatten(1, (side, side)).permute(0, 3, 1, 2)


def _to_tokens(grid: Tensor) -> Tensor:
    return grid.permute(0, 2, 3, 1).flatten(1, 2)
