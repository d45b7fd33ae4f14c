"""Where training starts that goes on from another base's weights, though with other codes.

A generator has a row for each code in two tables: what a token is read as, and how it is predicted. When a new
VQGAN brings new codes, a new code's row is the mean of the old codes' rows, each counted as often as it stands where
the new one does in images that both have tokenized; a code that none of them has takes the row of the old code that is
nearest to it. So all else that the generator has learnt stays of use, and with the same codes every row stays as it is.

Shapes: tokens, latents, new and old (codes), channels.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from styledrop.errors import BaseError

_CODE_TABLES = ("embedding.weight", "embed.embeddings.weight", "mlm_layer.conv2.weight")
"""Ends of the names of all tables with a row for each code; rows after the codes' are not codes."""
_ROUNDS = 12


def code_mixing(
    old: Int[Tensor, " tokens"],
    new: Int[Tensor, " tokens"],
    old_codes: Float[Tensor, "old channels"],
    new_codes: Float[Tensor, "new channels"],
) -> Float[Tensor, "new old"]:
    """Of each new code, the shares of the old codes that stand at its places; without places, all of the nearest."""
    num_new, num_old = len(new_codes), len(old_codes)
    counts = torch.zeros(num_new * num_old).index_add_(0, new.long() * num_old + old.long(), torch.ones(len(new)))
    counts = counts.view(num_new, num_old)
    unseen = (counts.sum(dim=1) == 0).nonzero()[:, 0]
    counts[unseen, torch.cdist(new_codes[unseen].float(), old_codes.float()).argmin(dim=1)] = 1.0
    return counts / counts.sum(dim=1, keepdim=True)


@torch.no_grad()
def start_from(module: nn.Module, weights: Mapping[str, Tensor], mixing: Float[Tensor, "new old"]) -> None:
    """Copy `weights` into `module`, the rows of its code tables mixed.

    Raises:
        BaseError: a weight is missing, or has another size; nothing is copied then.
    """
    num_new, num_old = mixing.shape
    started = {}
    for name, own in module.state_dict().items():
        theirs = weights.get(name)
        if theirs is not None and name.endswith(_CODE_TABLES):
            rows = (mixing @ theirs[:num_old].flatten(1).float()).view(num_new, *theirs.shape[1:])
            theirs = torch.cat([rows, theirs[num_old:].float()])
        if theirs is None or theirs.shape != own.shape:
            found = "none" if theirs is None else tuple(theirs.shape)
            raise BaseError(
                f"expected a weight {name} of size {tuple(own.shape)} to start from, got {found}; give the settings "
                "the sizes of the base that they start from"
            )
        started[name] = theirs
    module.load_state_dict(started)


def clustered(
    latents: Float[Tensor, "latents channels"], num_codes: int, *, generator: torch.Generator
) -> Float[Tensor, "codes channels"]:
    """Find codes for `latents` by k-means; a code that no latent is nearest to moves to one of them."""
    codes = latents[torch.randperm(len(latents), generator=generator)[:num_codes]].clone()
    for _ in range(_ROUNDS):
        nearest = torch.cat([torch.cdist(part, codes).argmin(dim=1) for part in latents.split(8192)])
        counts = torch.bincount(nearest, minlength=num_codes)
        sums = torch.zeros_like(codes).index_add_(0, nearest, latents)
        elsewhere = latents[torch.randint(len(latents), (num_codes,), generator=generator)]
        codes = torch.where(counts[:, None] > 0, sums / counts.clamp_min(1)[:, None], elsewhere)
    return codes
