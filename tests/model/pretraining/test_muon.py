import pytest
import torch
from torch import nn

from styledrop.pretraining.muon import Muon, matrices_of, orthogonalized


@pytest.mark.parametrize("shape", [(3, 5, 5), (2, 4, 9), (2, 9, 4)])
def test_all_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalized(matrices))
    assert values.min() > 0.5
    assert values.max() < 1.4
    # The singular vectors stay: turned back by them, the matrix is its singular values.
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = left.mT @ orthogonalized(matrices) @ right.mT
    torch.testing.assert_close(turned, torch.diag_embed(turned.diagonal(dim1=1, dim2=2)), rtol=0, atol=1e-4)


def test_a_convolution_moves_as_the_matrix_of_its_places_does() -> None:
    convolution, linear = nn.Conv2d(3, 4, 2, bias=False), nn.Linear(12, 4, bias=False)
    linear.weight.data.copy_(convolution.weight.flatten(1))
    module = nn.Sequential(convolution, linear, nn.BatchNorm2d(3))
    [of_convolution], [of_linear] = matrices_of(module, nn.Conv2d), matrices_of(module, nn.Linear)
    linear.weight.grad = torch.randn(4, 12, generator=torch.Generator().manual_seed(0))
    convolution.weight.grad = linear.weight.grad.view(4, 3, 2, 2)
    before = linear.weight.clone()
    Muon([of_convolution, of_linear], lr=0.1).step()
    assert torch.allclose(convolution.weight.flatten(1), linear.weight, atol=1e-6)
    assert not torch.equal(linear.weight, before)


def test_a_step_is_torchs_but_for_its_precision() -> None:
    ours, theirs = (nn.Linear(6, 4, bias=False) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    settings = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.9}
    optimizers = (
        Muon(ours.parameters(), **settings),
        torch.optim.Muon(theirs.parameters(), adjust_lr_fn="match_rms_adamw", **settings),
    )
    for step in range(3):
        for module, optimizer in zip((ours, theirs), optimizers, strict=True):
            module.weight.grad = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=0.02)
