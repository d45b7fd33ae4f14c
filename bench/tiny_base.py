"""A base of random weights: everything a real one has, at a size that costs a run milliseconds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import torch
from jaxtyping import Float
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

import styledrop
from data.documents.defaults import OF_EMBEDDED
from styledrop.generator import Generator, GeneratorConfig
from styledrop.super_resolution import SuperResolution, SuperResolutionConfig
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN, VQGANConfig

SIZE_PX = 16
"""4 x 4 tokens of 4 px."""

_PREFERRED_CODE, _PREFERENCE = 6, 2.0
"""To its CLIP, pictures of this code are among those least like the reference of `bench.smallest`."""


def save_tiny_base(folder: Path, make_text: Callable[[], TextEncoder] | None = None, seed: int = 0) -> None:
    """Write a base into `folder`, with a CLIP text encoder or another; the same `seed`, the same weights."""
    torch.manual_seed(seed)
    generator = Generator(
        GeneratorConfig(
            hidden_size=32,
            cond_embed_dim=16,
            micro_cond_encode_dim=8,
            micro_cond_embed_dim=40,
            encoder_hidden_size=16,
            vocab_size=18,
            codebook_size=16,
            in_channels=16,
            block_out_channels=16,
            num_res_blocks=1,
            block_num_heads=2,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            sample_size=4,
        )
    )
    vqgan = VQGAN(
        VQGANConfig(
            block_out_channels=(8, 8, 8), layers_per_block=1, latent_channels=4, num_vq_embeddings=16, norm_num_groups=4
        )
    )
    super_resolution = SuperResolution(
        SuperResolutionConfig(
            generator=replace(generator.config, sample_size=8), latent_channels=4, encoder_layers=1, encoder_heads=2
        )
    )
    styledrop.save_base(
        folder,
        generator=generator,
        vqgan=vqgan,
        text=(make_text or _tiny_text)(),
        card={"name": "tiny", "defaults": OF_EMBEDDED.model_dump(mode="json")},
        super_resolution=super_resolution,
    )
    _save_tiny_clip(folder / "clip")
    vocabulary = {"contents": ["a disc", "a moose", "a tree"], "styles": ["flat", "thin ink", "loose pencil"]}
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary))


def save_learnable_base(folder: Path) -> None:
    """Write a base into `folder` on which a style shows for certain, so that no style has to wait for a person's word.

    It is the tiny one, but left alone it draws one code almost everywhere, and its pictures have colours. What tuning
    changes (`bench.smallest.learnable_settings`) changes every picture alike, towards the reference.
    """
    save_tiny_base(folder)
    base = styledrop.Base.from_pretrained(folder)
    with torch.no_grad():
        features = torch.cat([_features(base, prompt) for prompt in ("", "a cat", "a dog", "a fish in flat style")])
        preferred = torch.nn.functional.normalize(features.mean(dim=0), dim=0)
        base.generator.mlm_layer.conv2.weight[_PREFERRED_CODE, :, 0, 0] += _PREFERENCE * preferred
        last = base.vqgan.decoder.conv_out
        last.weight.mul_(3.0)
        assert last.bias is not None
        last.bias.add_(0.4)
    base.generator.to_folder(folder / "transformer", torch.float32)
    base.vqgan.to_folder(folder / "vqvae", torch.float32)


def _features(base: styledrop.Base, prompt: str) -> Float[torch.Tensor, "tokens width"]:
    text = base.text.encode([prompt])
    masked = torch.full((1, base.generator.config.sample_size**2), base.generator.config.mask_id)
    seen: list[torch.Tensor] = []  # by the last layer, whose rows are the codes'
    hook = base.generator.mlm_layer.layer_norm.register_forward_hook(lambda *given: seen.append(given[2]))
    base.generator(masked, base.condition(text.hidden, text.pooled))
    hook.remove()
    return seen[0][0]


def _tiny_text() -> TextEncoder:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=64)
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=16,
        projection_dim=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return TextEncoder(CLIPTextModelWithProjection(config), tokenizer)


def tiny_t5() -> TextEncoder:
    """A T5 of random weights, with a tokenizer that knows letters."""
    letters = [(f"{before}{letter}", -3.0) for letter in "abcdefghijklmnopqrstuvwxyz" for before in ("", "▁")]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    tokenizer = T5Tokenizer(vocab=[*special, *letters], extra_ids=0, model_max_length=40)
    config = T5Config(
        vocab_size=len(special) + len(letters), d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return TextEncoder(T5EncoderModel(config), tokenizer)


def _save_tiny_clip(folder: Path) -> None:
    sizes: dict[str, Any] = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": SIZE_PX, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 64, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": sizes, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}})
    )
    model = open_clip.CLIP(
        sizes["embed_dim"], open_clip.CLIPVisionCfg(**sizes["vision_cfg"]), open_clip.CLIPTextCfg(**sizes["text_cfg"])
    )
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
