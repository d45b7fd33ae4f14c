"""Number by number against diffusers' aMUSEd, with random weights: nothing is downloaded."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.amused_noise import AmusedNoise
from styledrop.artifact import save_adapter
from styledrop.base import Base
from styledrop.config.card import Card
from styledrop.config.defaults import EMBEDDED
from styledrop.config.sampling import Guidance
from styledrop.generator import Generator, GeneratorConfig
from styledrop.guidance import Conditioned, guided
from styledrop.lora import LoRA, LoRAConfig
from styledrop.sampler import decode
from tests.model.conftest import TINY, randomized, rng

pytestmark = [
    pytest.mark.parity,
    # diffusers warns of its own deprecations, the aMUSEd pipelines' among them.
    pytest.mark.filterwarnings("ignore"),
]

VARIANTS = {
    "256": replace(TINY, num_res_blocks=3, num_hidden_layers=3),
    "512": replace(TINY, downsample=True, upsample=True),
    "no kv_mapper": replace(TINY, block_out_channels=TINY.hidden_size),
}


def inputs(config: GeneratorConfig, batch_size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    source = rng(1)
    return (
        torch.randint(0, config.vocab_size, (batch_size, config.num_tokens), generator=source),
        torch.randn(batch_size, 7, config.encoder_hidden_size, generator=source),
        torch.randn(batch_size, config.cond_embed_dim, generator=source),
        torch.tensor([[256.0, 256, 0, 0, 6], [512, 384, 17, 250, 5.5]])[:batch_size],
    )


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_logits_and_gradients_are_those_of_diffusers(config: GeneratorConfig, tmp_path: Path) -> None:
    from diffusers import UVit2DModel

    theirs, ours = UVit2DModel(**asdict(config)).eval(), Generator(config).eval()
    randomized(theirs).requires_grad_(True)
    ours.load_state_dict(theirs.state_dict())
    tokens, hidden, pooled, micro = inputs(config, 2)
    grid = tokens.unflatten(1, (config.sample_size, config.sample_size))
    wanted = theirs(grid, hidden, pooled, micro).flatten(2).transpose(1, 2)
    logits = ours(tokens, ours.condition(hidden, pooled, micro))
    assert wanted.std() > 0.1
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-5)

    wanted.square().mean().backward()
    logits.square().mean().backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_diffusers_opens_a_generators_folder_and_we_open_theirs(config: GeneratorConfig, tmp_path: Path) -> None:
    from diffusers import UVit2DModel

    ours = Generator(config)
    ours.init_weights(rng())
    ours.to_folder(tmp_path / "ours", torch.float32)
    theirs = UVit2DModel.from_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    again = Generator.from_folder(tmp_path / "theirs")
    assert again.config == config
    for name, value in ours.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_the_full_size_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        sizes = [
            sum(parameter.numel() for parameter in Generator(config).parameters())
            for config in (GeneratorConfig(), GeneratorConfig(downsample=True, upsample=True, sample_size=32))
        ]
    assert sizes == [603_537_664, 608_257_792]


@pytest.mark.parametrize("temperature", [(2.0, 0.0), (4.5, 1.0)])
@pytest.mark.parametrize("steps", [1, 2, 3, 12])
def test_decoding_with_one_generator_is_the_amused_scheduler(steps: int, temperature: tuple[float, float]) -> None:
    from diffusers import AmusedScheduler

    mask_id, batch, tokens = 40, 3, 36

    def logits(given: Tensor) -> Tensor:  # of the tokens, so that a step depends on the one before
        source = rng(int(given.sum()))
        return 3 * torch.randn(batch, tokens, mask_id, generator=source)

    scheduler = AmusedScheduler(mask_token_id=mask_id)
    scheduler.set_timesteps(steps, temperature)
    source, state = rng(5), torch.full((batch, tokens), mask_id)
    for timestep in scheduler.timesteps:
        state = scheduler.step(logits(state), timestep, state, generator=source).prev_sample

    masked = torch.full((batch, tokens), mask_id)
    ours_source = rng(5)
    ours = decode(
        logits, masked, mask_id=mask_id, steps=steps, temperature=temperature, noise=AmusedNoise(ours_source, masked)
    )
    assert torch.equal(ours, state)
    assert torch.equal(source.get_state(), ours_source.get_state())


def drawn(base: Base, prompts: list[str], *, text_scale: float) -> np.ndarray:
    """What `AmusedPipeline` does with the same generator of random numbers, by our own parts."""
    texts, nothing = base.text.encode(prompts), base.text.encode([""] * len(prompts))
    logits = guided(
        Conditioned(generator=base.generator, condition=base.condition(texts.hidden, texts.pooled)),
        Conditioned(generator=base.generator, condition=base.condition(nothing.hidden, nothing.pooled)),
        guidance=Guidance(lambda_b=text_scale - 1),  # their scale counts from one
    )
    mask_id = base.generator.config.mask_id
    masked = torch.full((len(prompts), base.generator.config.num_tokens), mask_id)
    tokens = decode(logits, masked, mask_id=mask_id, steps=5, temperature=(2.0, 0.0), noise=AmusedNoise(rng(3), masked))
    with torch.no_grad():
        images: np.ndarray = base.vqgan.decode(tokens).permute(0, 2, 3, 1).numpy()
    return images


@pytest.mark.parametrize("name", ["tiny", EMBEDDED])
def test_the_amused_pipeline_opens_a_base_and_a_lora_and_draws_the_same_images(
    name: str, tiny_base_folder: Path, tmp_path: Path
) -> None:
    from diffusers import AmusedPipeline

    base = Base.from_pretrained(tiny_base_folder if name == "tiny" else name)
    pipeline = AmusedPipeline.from_pretrained(base.folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)

    def theirs() -> np.ndarray:
        images: np.ndarray = pipeline(
            ["a cat", "a dog"], num_inference_steps=5, guidance_scale=6.0, generator=rng(3), output_type="np"
        ).images
        return images

    plain = theirs()
    np.testing.assert_allclose(drawn(base, ["a cat", "a dog"], text_scale=6.0), plain, atol=1e-4)

    lora = LoRA(LoRAConfig(rank=3, alpha=6.0), base.generator.config)
    randomized(lora)
    save_adapter(lora, Card(name="stripes", base_name=base.name, base_sha256=base.sha256), tmp_path)
    assert not hasattr(pipeline, "load_lora_weights")  # as the README says; its transformer reads the same file
    pipeline.transformer.load_lora_adapter(tmp_path, weight_name="pytorch_lora_weights.safetensors")
    styled = theirs()
    np.testing.assert_allclose(drawn(lora.on(base), ["a cat", "a dog"], text_scale=6.0), styled, atol=1e-4)
    assert np.abs(styled - plain).mean() > 0.01


def test_peft_opens_a_lora_on_diffusers_amused_and_computes_the_same(tmp_path: Path, base: Base) -> None:
    from diffusers import UVit2DModel
    from peft import LoraConfig as TheirConfig
    from peft import PeftModel

    lora = LoRA(LoRAConfig(rank=3, alpha=6.0), TINY)
    randomized(lora)
    save_adapter(lora, Card(name="stripes", base_name="tiny", base_sha256=base.sha256), tmp_path)
    theirs = UVit2DModel(**asdict(TINY)).eval()
    model = {"base_model_class": "UVit2DModel", "parent_library": UVit2DModel.__module__}
    config = TheirConfig(
        r=3, lora_alpha=6.0, target_modules=lora.targets, inference_mode=True, base_model_name_or_path="tiny",
        auto_mapping=model,
    )  # fmt: skip
    assert TheirConfig.from_pretrained(tmp_path).to_dict() == config.to_dict()  # the version of PEFT in it, too
    theirs.load_state_dict(base.generator.state_dict())
    tokens, hidden, pooled, micro = inputs(TINY, 2)
    plain = theirs(tokens.unflatten(1, (4, 4)), hidden, pooled, micro)
    wanted = PeftModel.from_pretrained(theirs, tmp_path)(tokens.unflatten(1, (4, 4)), hidden, pooled, micro)
    changed = lora.on(base).generator
    logits = changed(tokens, changed.condition(hidden, pooled, micro))
    torch.testing.assert_close(logits, wanted.flatten(2).transpose(1, 2), rtol=0, atol=1e-5)
    assert not torch.allclose(wanted, plain, atol=1e-2)
