import torch
from torch.nn import functional as F

from styledrop.pretraining.discriminator import Discriminator


def patches() -> tuple[torch.Tensor, torch.Tensor]:
    """Stripes with sharp edges, and the same blurred."""
    real = torch.zeros(4, 3, 16, 16)
    real[..., ::4] = 1.0
    return real, F.avg_pool2d(real, 3, stride=1, padding=1)


def test_it_learns_to_tell_sharp_from_blurred() -> None:
    torch.manual_seed(0)
    discriminator, (real, decoded) = Discriminator((8, 8)), patches()
    optimizer = torch.optim.AdamW(discriminator.parameters(), lr=1e-2)
    for _ in range(40):
        loss = discriminator.hinge_loss(real, decoded)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        assert discriminator.hinge_loss(real, decoded) < 0.5  # 2 says nothing
        assert discriminator.decoder_loss(decoded) > 0 > discriminator.decoder_loss(real)


def test_neither_player_moves_the_other() -> None:
    discriminator, (real, decoded) = Discriminator((8, 8)), patches()
    decoded.requires_grad_()
    discriminator.hinge_loss(real, decoded).backward()
    assert decoded.grad is None
    discriminator.zero_grad()
    discriminator.decoder_loss(decoded).backward()
    assert decoded.grad is not None and bool(decoded.grad.any())
    assert all(parameter.grad is None for parameter in discriminator.parameters())
