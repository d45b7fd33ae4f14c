import pytest
import torch
from torch import nn

from styledrop.errors import BaseError
from styledrop.pretraining.start import clustered, code_mixing, start_from


class Tables(nn.Module):
    """A part with a table of codes, one more row in it for the mask, and one without codes."""

    def __init__(self, num_codes: int, width: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_codes + 1, width)
        self.linear = nn.Linear(width, width, bias=False)


def test_a_new_code_is_made_of_the_old_ones_that_stand_at_its_places() -> None:
    old, new = torch.tensor([0, 0, 1, 1, 1, 0]), torch.tensor([2, 2, 2, 2, 0, 0])
    old_codes, new_codes = torch.tensor([[0.0], [10.0]]), torch.tensor([[5.0], [9.0], [5.0], [1.0]])
    mixing = code_mixing(old, new, old_codes, new_codes)
    # Code 0 is seen once at each old one, 2 twice at each; 1 and 3 never, so they are the nearest old ones.
    torch.testing.assert_close(mixing, torch.tensor([[0.5, 0.5], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]))


def test_the_same_codes_stay_as_they_are_also_those_that_no_image_has() -> None:
    codes, tokens = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 4])
    assert torch.equal(code_mixing(tokens, tokens, codes, codes), torch.eye(5))


def test_rows_of_codes_are_mixed_and_all_else_is_copied() -> None:
    theirs, ours = Tables(2), Tables(3)
    mixing = torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]])
    start_from(ours, theirs.state_dict(), mixing)
    rows = theirs.embedding.weight
    expected = torch.stack([rows[0], 0.25 * rows[0] + 0.75 * rows[1], rows[1], rows[2]])
    torch.testing.assert_close(ours.embedding.weight, expected)
    assert torch.equal(ours.linear.weight, theirs.linear.weight)


def test_other_sizes_and_missing_weights_are_refused_before_anything_is_copied() -> None:
    ours, before = Tables(2), Tables(2)
    before.load_state_dict(ours.state_dict())
    with pytest.raises(BaseError, match=r"embedding.weight of size \(3, 2\) to start from, got \(3, 4\)"):
        start_from(ours, Tables(2, width=4).state_dict(), torch.eye(2))
    with pytest.raises(BaseError, match=r"linear.weight of size \(2, 2\) to start from, got none"):
        start_from(ours, {"embedding.weight": torch.zeros(3, 2)}, torch.eye(2))
    assert all(torch.equal(value, before.state_dict()[name]) for name, value in ours.state_dict().items())


def test_codes_are_found_where_latents_gather() -> None:
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    noise = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)) * 0.1
    latents = centers.repeat(100, 1) + noise
    codes = clustered(latents, 12, generator=torch.Generator().manual_seed(3))
    assert torch.cdist(centers, codes).min(dim=1).values.max() < 0.2
    assert torch.equal(codes, clustered(latents, 12, generator=torch.Generator().manual_seed(3)))
