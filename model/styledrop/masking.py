"""Masked-token training: what is masked, and the loss on it (Muse, arXiv 2301.00704, Sec. 2.6).

Used alike for pre-training (StyleDrop eq. 2) and for tuning (eq. 3).

Shapes: batch, tokens, codebook.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def mask_rates(batch_size: int, *, generator: torch.Generator) -> Float[Tensor, " batch"]:
    """Draw mask rates in (0, 1] from Muse's truncated arccos density, of mean 2 / pi."""
    # p(r) = (2 / pi) (1 - r^2)^(-1/2) is the density of r = cos(pi u / 2), u uniform on [0, 1).
    return torch.cos(torch.rand(batch_size, generator=generator, device=generator.device) * (math.pi / 2))


def mask_tokens(
    tokens: Int[Tensor, "batch tokens"], *, mask_id: int, generator: torch.Generator
) -> tuple[Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]]:
    """Mask a random part of every row, at least one token; return the masked tokens and where they are masked."""
    batch_size, num_tokens = tokens.shape
    num_masked = (mask_rates(batch_size, generator=generator) * num_tokens).round().clamp_min(1)
    order = torch.rand(batch_size, num_tokens, generator=generator, device=generator.device)
    is_masked = (order.argsort(dim=1).argsort(dim=1) < num_masked[:, None]).to(tokens.device)
    return tokens.masked_fill(is_masked, mask_id), is_masked


def masked_cross_entropy(
    logits: Float[Tensor, "batch tokens codebook"],
    tokens: Int[Tensor, "batch tokens"],
    is_masked: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, ""]:
    """Mean cross entropy over the masked tokens of the batch; the tokens that were visible do not count."""
    # The paper's text after eq. 2 says "unmasked tokens"; the cross entropy of a masked model, and every
    # implementation of it, is over the masked ones.
    targets = tokens.masked_fill(~is_masked, -100)
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=-100)
