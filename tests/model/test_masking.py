import math

import pytest
import torch
from torch.nn import functional as F

from styledrop.masking import mask_rates, mask_tokens, masked_cross_entropy
from tests.model.conftest import rng


def test_mask_rates_follow_the_truncated_arccos_density() -> None:
    rates = mask_rates(200_000, generator=rng())
    assert rates.min() > 0
    assert rates.max() <= 1
    assert rates.mean().item() == pytest.approx(2 / math.pi, abs=2e-3)
    # P(r <= x) = 1 - (2 / pi) arccos(x)
    for x in (0.1, 0.5, 0.9):
        assert (rates <= x).float().mean().item() == pytest.approx(1 - 2 / math.pi * math.acos(x), abs=5e-3)


def test_at_least_one_token_is_masked_and_the_others_are_unchanged() -> None:
    tokens = torch.randint(0, 9, (5000, 4), generator=rng(1))
    masked, is_masked = mask_tokens(tokens, mask_id=9, generator=rng())
    assert is_masked.sum(dim=1).min() == 1
    assert is_masked.sum(dim=1).max() == 4
    assert (masked[is_masked] == 9).all()
    assert torch.equal(masked[~is_masked], tokens[~is_masked])
    # Every place is masked about equally often.
    assert is_masked.float().mean(dim=0).std() < 0.02


def test_the_loss_counts_masked_tokens_only_each_the_same() -> None:
    logits = torch.randn(2, 3, 5, generator=rng())
    tokens = torch.tensor([[0, 1, 2], [3, 4, 0]])
    is_masked = torch.tensor([[True, False, False], [True, True, False]])
    loss = masked_cross_entropy(logits, tokens, is_masked)
    chosen = -F.log_softmax(logits, dim=-1).gather(-1, tokens[..., None])[..., 0]
    torch.testing.assert_close(loss, chosen[is_masked].mean())
    changed = logits.clone()
    changed[0, 1] += torch.tensor([9.0, -9, 3, 1, 0])
    assert torch.equal(loss, masked_cross_entropy(changed, tokens, is_masked))
