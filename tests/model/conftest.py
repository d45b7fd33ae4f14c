import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from PIL import Image
from torch import nn

from styledrop.base import Base
from styledrop.config.settings import Settings
from styledrop.generator import Condition, Generator, GeneratorConfig
from styledrop.text import TextEncoder, TextFeatures
from styledrop.vqgan import VQGAN, VQGANConfig

TINY = GeneratorConfig(
    hidden_size=32,
    cond_embed_dim=12,
    micro_cond_encode_dim=8,
    micro_cond_embed_dim=40,
    encoder_hidden_size=20,
    vocab_size=20,
    codebook_size=16,
    in_channels=24,
    block_out_channels=16,
    num_res_blocks=1,
    block_num_heads=2,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=44,
    sample_size=4,
)


class HashedText(TextEncoder):
    """Features drawn with the prompt's hash as seed, and the prompts that were asked for."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.asked: list[str] = []

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        self.asked += prompts
        rngs = [torch.Generator().manual_seed(int(hashlib.sha256(p.encode()).hexdigest()[:8], 16)) for p in prompts]
        return TextFeatures(
            hidden=torch.stack([torch.randn(6, TINY.encoder_hidden_size, generator=rng) for rng in rngs]),
            pooled=torch.stack([torch.randn(TINY.cond_embed_dim, generator=rng) for rng in rngs]),
        )


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randomized(module: nn.Module, seed: int = 0, std: float = 0.2) -> nn.Module:
    """No weight at zero or one, so that nothing a test looks at is left out by chance."""
    generator = rng(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=std, generator=generator)
    return module.requires_grad_(False).eval()


def condition_of(generator: Generator, batch_size: int, seed: int = 0) -> Condition:
    config, source = generator.config, rng(seed)
    return generator.condition(
        torch.randn(batch_size, 6, config.encoder_hidden_size, generator=source),
        torch.randn(batch_size, config.cond_embed_dim, generator=source),
        torch.randint(0, 300, (batch_size, 5), generator=source).float(),
    )


def picture(seed: int, size_px: int = 16) -> Image.Image:
    pixels = torch.randint(0, 256, (size_px, size_px, 3), dtype=torch.uint8, generator=rng(seed))
    return Image.fromarray(pixels.numpy())


@pytest.fixture
def generator() -> Generator:
    made = randomized(Generator(TINY))
    assert isinstance(made, Generator)
    return made


def tiny_vqgan() -> VQGAN:
    config = VQGANConfig(
        block_out_channels=(8, 8, 8), layers_per_block=1, latent_channels=4, num_vq_embeddings=16, norm_num_groups=4
    )
    made = randomized(VQGAN(config), std=0.3)
    assert isinstance(made, VQGAN)
    return made


@pytest.fixture
def base(generator: Generator) -> Base:
    return Base(
        name="tiny",
        folder=Path("tiny"),
        sha256="0" * 64,
        text=HashedText(),
        vqgan=tiny_vqgan(),
        generator=generator,
        clip_folder=None,
        size_px=16,
        card={},
    )


Training = TypeVar("Training", bound=Settings)


def with_steps(training: Training, num_steps: int) -> Training:
    """The same stage of pretraining with another number of steps."""
    schedule = training.schedule.model_copy(update={"num_steps": num_steps})
    return training.model_copy(update={"schedule": schedule})
