import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from styledrop.generator import Generator, GeneratorConfig
from styledrop.pretraining.generator import GeneratorTraining, tokenize_images, train_generator
from styledrop.pretraining.stage import Schedule
from styledrop.text import TextEncoder, TextFeatures
from styledrop.vqgan import VQGAN, VQGANConfig

TRAINING = GeneratorTraining(
    model=GeneratorConfig(
        hidden_size=32,
        cond_embed_dim=12,
        micro_cond_encode_dim=8,
        micro_cond_embed_dim=40,
        encoder_hidden_size=20,
        vocab_size=17,
        codebook_size=16,
        in_channels=24,
        block_out_channels=16,
        num_res_blocks=1,
        block_num_heads=2,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        sample_size=2,
    ),
    schedule=Schedule(num_steps=3, learning_rate=1e-2, batch_size=8, warmup_steps=1, ema_decay=0.9),
    text_dropout=0.2,
    caption_only=0.2,
)
TOKENS = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]], dtype=torch.int16)


class Asked(TextEncoder):
    """Remembers the prompts; every prompt has features of its own."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.prompts: list[str] = []

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        self.prompts += prompts
        rngs = [torch.Generator().manual_seed(sum(prompt.encode())) for prompt in prompts]
        return TextFeatures(
            hidden=torch.stack([torch.randn(3, 20, generator=rng) for rng in rngs]),
            pooled=torch.stack([torch.randn(12, generator=rng) for rng in rngs]),
        )


def trained(folder: Path, num_steps: int, text: TextEncoder | None = None) -> Generator:
    return train_generator(
        TOKENS, ["a cat", "a dog", "a secret"], ["ink", "ink", "glass"], np.array([1.0, 1.0, 0.0]),
        {"ink": ["black ink", "ink"], "glass": ["glass"]}, text or Asked(), 8,
        replace(TRAINING, schedule=replace(TRAINING.schedule, num_steps=num_steps)), folder, seed=3,
    )  # fmt: skip


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(tmp_path / "stopped", 1)
    resumed = trained(tmp_path / "stopped", 3).state_dict()
    whole = trained(tmp_path / "whole", 3).state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_the_loss_falls_on_one_batch(tmp_path: Path) -> None:
    trained(tmp_path, 1)
    trained(tmp_path, 60)
    first, *_, last = (json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines())
    assert abs(first["loss"] - np.log(16)) < 0.1  # it starts knowing nothing of the 16 codes
    assert last["loss"] < 0.6 * first["loss"]


def test_prompts_are_made_of_caption_and_phrase_and_an_image_without_weight_is_never_drawn(tmp_path: Path) -> None:
    text = Asked()
    trained(tmp_path, 8, text)
    captions = ("a cat", "a dog")
    whole = {f"{caption} in {phrase} style" for caption in captions for phrase in ("black ink", "ink")}
    assert set(text.prompts) == {"", *captions, *whole}
    assert 0.05 < text.prompts.count("") / len(text.prompts) < 0.45


def test_images_are_tokenized_as_the_vqgan_does_whatever_the_batch() -> None:
    torch.manual_seed(0)
    vqgan = VQGAN(
        VQGANConfig(
            block_out_channels=(8, 8, 8), layers_per_block=1, latent_channels=4, num_vq_embeddings=16, norm_num_groups=4
        )
    ).eval()
    images = np.random.default_rng(0).integers(256, size=(5, 16, 16, 3), dtype=np.uint8)
    tokens = tokenize_images(vqgan, images, batch_size=2)
    with torch.no_grad():
        expected = vqgan.encode(torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous())
    assert tokens.dtype == torch.int16
    assert torch.equal(tokens.long(), expected)
