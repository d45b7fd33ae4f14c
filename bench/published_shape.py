"""A base of random weights in the configuration in which aMUSEd is published (arXiv:2401.01808), 256 or 512 px.

All that a download would have, in float32: the generator of 603M parameters (608M at 512 px), the VQGAN of 146M,
CLIP-L's text tower with its tokenizer; and the embedded base's scorer, as the published folders have none.
"""

import shutil
from pathlib import Path

import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

import styledrop
from styledrop.generator import Generator, GeneratorConfig
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN, VQGANConfig

GENERATORS = {
    256: GeneratorConfig(),
    512: GeneratorConfig(downsample=True, upsample=True, sample_size=32),
}
"""By the side of their images."""

_VQGAN = VQGANConfig(
    block_out_channels=(128, 256, 256, 512, 768), layers_per_block=2, latent_channels=64, num_vq_embeddings=8192
)
_LENGTH = 77
"""Tokens that CLIP reads."""


def save_published_shape(folder: Path, size_px: int) -> None:
    """Write the base into `folder`, unless it lies there already; the same weights every time."""
    if (folder / "model_index.json").is_file():
        return
    rng = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        generator, vqgan = Generator(GENERATORS[size_px]), VQGAN(_VQGAN)
        model = CLIPTextModelWithProjection(_text_config())
    modules: tuple[nn.Module, ...] = (generator, vqgan, model)
    for module in modules:
        module.to_empty(device="cpu")
        _randomize(module, rng)
    position_ids = model.text_model.embeddings.position_ids  # no weight, so `to_empty` has emptied it
    position_ids.copy_(torch.arange(_LENGTH).expand_as(position_ids))
    styledrop.save_base(
        folder,
        generator=generator,
        vqgan=vqgan,
        text=TextEncoder(model, _tokenizer()),
        card={},
    )
    (folder / "card.json").unlink()  # the published folders have none
    clip = styledrop.Base.from_pretrained("embedded").clip_folder
    assert clip is not None
    shutil.copytree(clip, folder / "clip")


def _text_config() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=49408,
        hidden_size=768,
        projection_dim=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        max_position_embeddings=_LENGTH,
        hidden_act="quick_gelu",
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=49407,
    )


def _tokenizer() -> CLIPTokenizer:
    """CLIP's own, from the merges that open_clip carries."""
    from open_clip.tokenizer import SimpleTokenizer  # not for who only asks for the sizes: it takes memory

    source = SimpleTokenizer()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    return CLIPTokenizer(
        vocab={names.get(word, word): number for word, number in source.encoder.items()},
        merges=list(source.bpe_ranks),
        model_max_length=_LENGTH,
    )


@torch.no_grad()
def _randomize(module: nn.Module, rng: torch.Generator) -> None:
    """Leave no weight at zero or one: nothing that a comparison looks at is left out by chance."""
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1 and "norm" in name and name.endswith("weight"):
            parameter.normal_(mean=1.0, std=0.1, generator=rng)
        else:
            fan_in = max(1, parameter[0].numel() if parameter.ndim > 1 else parameter.numel())
            parameter.normal_(std=0.7 * fan_in**-0.5, generator=rng)
