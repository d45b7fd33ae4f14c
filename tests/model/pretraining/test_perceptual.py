import torch
from torch.nn import functional as F

from tests.model.pretraining.test_decoder import tower_distance


def test_it_is_zero_for_the_same_image_and_grows_with_the_change() -> None:
    real = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    distance, other = tower_distance(), 1 - real
    assert float(distance(real, real)) == 0.0
    slightly, fully = (float(distance(torch.lerp(real, other, share), real)) for share in (0.1, 1.0))
    assert 0.0 < slightly < fully


def test_a_gradient_reaches_the_decoded_image_alone() -> None:
    decoded, real = (torch.rand(1, 3, 32, 32).requires_grad_() for _ in range(2))
    distance = tower_distance()
    distance(decoded, real).backward()
    assert decoded.grad is not None and bool(decoded.grad.any())
    assert real.grad is None
    assert all(parameter.grad is None for parameter in distance.parameters())


def test_a_blurred_outline_is_further_than_its_pixels_say() -> None:
    real = torch.ones(1, 3, 32, 32)
    real[:, :, 8:24, 15:17] = 0.0
    blurred = F.avg_pool2d(real, 5, stride=1, padding=2, count_include_pad=False)
    shade = real - 0.02
    blur_in_pixels, shade_in_pixels = ((other - real).square().mean() for other in (blurred, shade))
    distance = tower_distance()
    assert float(distance(blurred, real) / distance(shade, real)) > float(blur_in_pixels / shade_in_pixels)
