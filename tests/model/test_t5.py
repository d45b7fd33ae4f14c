"""A base whose text encoder is a T5, as Muse's is, does all that one with a CLIP does."""

from pathlib import Path

import pytest
import torch

import styledrop
from bench.tiny_base import save_tiny_base, tiny_t5
from styledrop.base import Base
from styledrop.errors import BaseError
from tests.model.conftest import picture, rng

SAMPLING = styledrop.SamplingConfig(steps=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("t5") / "base"
    save_tiny_base(made, tiny_t5)
    return made


@pytest.fixture(scope="module")
def t5_base(folder: Path) -> Base:
    return styledrop.Base.from_pretrained(folder)


def test_a_prompt_is_encoded_the_same_beside_any_other(t5_base: Base) -> None:
    alone, both = t5_base.text.encode(["a cat"]), t5_base.text.encode(["a long prompt of dogs", "a cat"])
    assert alone.hidden.shape == (1, t5_base.text.max_tokens, 16)
    torch.testing.assert_close(both.hidden[1], alone.hidden[0])
    torch.testing.assert_close(both.pooled[1], alone.pooled[0])
    # The mean over its own tokens: five letters (the blank is part of one) and the end; padding has no part in it.
    [length] = t5_base.text.count_tokens(["a cat"])
    torch.testing.assert_close(alone.pooled[0], alone.hidden[0, :length].mean(dim=0))
    assert not torch.allclose(both.pooled[0], both.pooled[1], atol=1e-3)


def test_it_is_tuned_and_drawn_with_and_what_was_tuned_is_saved_and_loaded(t5_base: Base, tmp_path: Path) -> None:
    config = styledrop.AdapterTuning(learning_rate=1e-1, batch_size=2, steps=3)
    adapter = styledrop.tune(t5_base, [(picture(0), "a cat in noise style")], config)
    card = styledrop.Card(name="noise", base_name=t5_base.name, base_sha256=t5_base.sha256)
    styledrop.save_adapter(adapter, card, tmp_path)
    again = styledrop.load_adapter(tmp_path, t5_base)

    def drawn(style: styledrop.Tuned | None) -> list[bytes]:
        images = styledrop.sample(t5_base, ["a dog", "a cat"], seeds=[1, 2], style=style, config=SAMPLING).images
        return [image.tobytes() for image in images]

    assert drawn(adapter) == drawn(again) != drawn(None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_base_is_saved_and_loaded(t5_base: Base, dtype: torch.dtype, tmp_path: Path) -> None:
    parts = {"generator": t5_base.generator, "vqgan": t5_base.vqgan, "text": t5_base.text}
    styledrop.save_base(tmp_path / "saved", **parts, card={}, dtype=dtype)
    again = styledrop.Base.from_pretrained(tmp_path / "saved")
    tolerance = 0 if dtype == torch.float32 else 0.05
    wanted, got = t5_base.text.encode(["a cat"]), again.text.encode(["a cat"])
    torch.testing.assert_close(got.hidden, wanted.hidden, rtol=0, atol=tolerance)


def test_in_float16_it_stays_in_float32(folder: Path) -> None:
    base = styledrop.Base.from_pretrained(folder, dtype=torch.float16)
    features = base.text.encode(["a cat"])
    assert (features.hidden.dtype, base.dtype) == (torch.float32, torch.float16)
    tokens = torch.randint(0, 16, (1, 16), generator=rng())
    assert base.generator(tokens, base.condition(features.hidden, features.pooled)).isfinite().all()


def test_a_tokenizer_without_a_length_is_named(folder: Path, tmp_path: Path) -> None:
    def make() -> styledrop.text.TextEncoder:
        text = tiny_t5()
        text.tokenizer.model_max_length = 10**30
        return text

    save_tiny_base(tmp_path / "endless", make)
    with pytest.raises(BaseError, match="tokenizer_config.json to say in model_max_length .* got 10+"):
        styledrop.Base.from_pretrained(tmp_path / "endless")
