import json
import shutil
from pathlib import Path

import pytest
import torch

import styledrop
from styledrop.base import Base
from styledrop.errors import BaseError
from tests.model.conftest import picture


@pytest.fixture
def folder(tiny_base_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_base_folder, tmp_path / "copied"))


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_base_loads_frozen_and_draws(folder: Path) -> None:
    base = Base.from_pretrained(folder)
    assert (base.name, base.size_px, base.clip_folder) == ("copied", 16, folder / "clip")
    assert base.card["name"] == "tiny"
    for part in (base.generator, base.vqgan, base.text):
        assert not part.training
        assert not any(parameter.requires_grad for parameter in part.parameters())
    config = styledrop.SamplingConfig(steps=2)
    first, second = (
        styledrop.sample(Base.from_pretrained(folder), ["a cat"], seeds=[1], config=config).images[0] for _ in range(2)
    )
    assert first.size == (16, 16)
    assert first.tobytes() == second.tobytes()


def test_the_digest_follows_what_the_base_draws_and_nothing_else(folder: Path, tiny_base_folder: Path) -> None:
    digest = Base.from_pretrained(folder).sha256
    assert digest == Base.from_pretrained(tiny_base_folder).sha256
    shutil.rmtree(folder / "clip")
    (folder / "card.json").unlink()
    (folder / "transformer" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"a variant nobody reads")
    bare = Base.from_pretrained(folder)
    assert (bare.sha256, bare.card, bare.clip_folder) == (digest, {}, None)
    weights = folder / "vqvae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert Base.from_pretrained(folder).sha256 != digest


def test_the_vqgan_stays_in_float32(folder: Path) -> None:
    base = Base.from_pretrained(folder, dtype=torch.bfloat16)
    assert next(base.generator.parameters()).dtype == torch.bfloat16
    assert next(base.vqgan.parameters()).dtype == torch.float32
    drawn = styledrop.sample(base, ["a cat"], seeds=[1], config=styledrop.SamplingConfig(steps=2))
    assert drawn.tokens.shape == (1, 16)


def test_all_missing_files_are_named(folder: Path) -> None:
    (folder / "vqvae" / "config.json").unlink()
    (folder / "model_index.json").unlink()
    with pytest.raises(BaseError, match=r"copied, but model_index\.json, vqvae/config\.json are missing"):
        Base.from_pretrained(folder)


def test_a_base_with_pickled_weights_only_is_refused(folder: Path) -> None:
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(BaseError, match=r"transformer/diffusion_pytorch_model\.safetensors is missing"):
        Base.from_pretrained(folder)


def test_all_parts_that_do_not_fit_are_named(folder: Path) -> None:
    change_json(folder / "scheduler" / "scheduler_config.json", mask_token_id=99, masking_schedule="linear")
    change_json(folder / "model_index.json", _class_name="StableDiffusionPipeline")
    with pytest.raises(BaseError, match=r"mask_token_id 17, got 99; .*'cosine', got 'linear'") as caught:
        Base.from_pretrained(folder)
    assert "'AmusedPipeline', got 'StableDiffusionPipeline'" in str(caught.value)


def test_weights_that_do_not_fit_their_config_are_named(folder: Path) -> None:
    change_json(folder / "transformer" / "config.json", num_hidden_layers=3)
    with pytest.raises(BaseError, match=r"transformer_layers\.2"):
        Base.from_pretrained(folder)


def test_images_become_tokens_and_images_again(base: Base) -> None:
    tokens = base.tokenize([picture(0), picture(1).convert("RGBA")])
    assert tokens.shape == (2, 16)
    images = base.render(tokens)
    assert [(image.size, image.mode) for image in images] == [((16, 16), "RGB")] * 2
    assert torch.equal(base.tokenize([picture(1)])[0], tokens[1])
    with pytest.raises(BaseError, match=r"16x16 px, got 8x8 at position 1; .*\(16, 16\)"):
        base.tokenize([picture(0), picture(1, size_px=8)])
