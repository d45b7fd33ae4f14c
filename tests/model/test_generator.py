import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from styledrop.adapters import Adapter
from styledrop.config.tuning import AdapterConfig
from styledrop.errors import BaseError
from styledrop.generator import SITES, Condition, Generator, GeneratorConfig
from tests.model.conftest import TINY, condition_of, rng


def tokens_of(batch_size: int) -> Tensor:
    return torch.randint(0, TINY.vocab_size, (batch_size, TINY.num_tokens), generator=rng(1))


def test_a_config_survives_its_json(tmp_path: Path) -> None:
    config = replace(TINY, downsample=True, upsample=True)
    config.to_file(tmp_path / "config.json")
    assert GeneratorConfig.from_file(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use_bias": True}, "use_bias to be False as in aMUSEd, got True"),
        ({"hidden_dropout": 0.1}, "hidden_dropout to be 0.0 as in aMUSEd, got 0.1"),
        ({"num_experts": 3}, r"unknown keys \['num_experts'\]"),
    ],
)
def test_a_config_of_another_model_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_diffusers_version": "0.30", **asdict(TINY), **change}))
    with pytest.raises(ValueError, match=message):
        GeneratorConfig.from_file(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 30}, "multiple of num_attention_heads, got 30 and 4"),
        ({"block_out_channels": 15}, "multiple of block_num_heads, got 15 and 2"),
        ({"micro_cond_embed_dim": 41}, r"\(40\), got 41"),
        ({"vocab_size": 16}, "above codebook_size 16.*got 16; use at least 17"),
        ({"downsample": True}, "got True and False"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneratorConfig(**{**asdict(TINY), **change})


def test_weights_from_scratch_come_from_the_given_generator_alone() -> None:
    first, second = Generator(TINY), Generator(TINY)
    first.init_weights(rng(3))
    torch.manual_seed(123)
    second.init_weights(rng(3))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    out = first(tokens_of(2), condition_of(first, 2))
    assert out.isfinite().all()
    assert out.std() < 1


def test_every_weight_learns_after_two_steps() -> None:
    generator = Generator(TINY)
    generator.init_weights(rng())
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    for _ in range(2):  # adaptive scales and the response norm start at zero: what feeds them learns one step later
        optimizer.zero_grad()
        generator(tokens_of(4), condition_of(generator, 4)).square().mean().backward()
        optimizer.step()
    still = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@torch.no_grad()  # as when images are drawn: attention with a backward pass depends on how its rows lie in memory
def test_rows_of_a_condition_can_be_selected_and_put_after_each_other(generator: Generator) -> None:
    both = condition_of(generator, 2)
    tokens = tokens_of(3)
    rows = torch.tensor([1, 0, 1])
    picked = generator(tokens, both.select(rows))
    joined = generator(tokens, Condition.concatenate([both.select(torch.tensor([row])) for row in rows]))
    assert torch.equal(picked, joined)
    alone = [generator(tokens[i : i + 1], both.select(rows[i : i + 1])) for i in range(3)]
    torch.testing.assert_close(picked, torch.cat(alone), rtol=0, atol=1e-5)
    assert both.select(rows).batch_size == 3


def test_adapt_sees_both_sites_of_every_layer_once_and_can_change_them(generator: Generator) -> None:
    seen = []

    def adapt(layer: int, site: str, hidden: Tensor) -> Tensor:
        seen.append((layer, site, tuple(hidden.shape)))
        return hidden + (1.0 if (layer, site) == (1, "feed_forward") else 0.0)

    tokens, condition = tokens_of(2), condition_of(generator, 2)
    changed = generator(tokens, condition, adapt)
    assert seen == [(layer, site, (2, 16, 32)) for layer in range(2) for site in SITES]
    assert not torch.equal(changed, generator(tokens, condition))


def test_a_generator_survives_its_folder(tmp_path: Path, generator: Generator) -> None:
    generator.to_folder(tmp_path, torch.float32)
    loaded = Generator.from_folder(tmp_path)
    tokens = tokens_of(1)
    assert torch.equal(generator(tokens, condition_of(generator, 1)), loaded(tokens, condition_of(loaded, 1)))


def test_a_generator_is_read_in_another_dtype(tmp_path: Path, generator: Generator) -> None:
    generator.to_folder(tmp_path, torch.float32)
    wanted = Generator.from_folder(tmp_path).to(torch.bfloat16).state_dict()
    read = Generator.from_folder(tmp_path, torch.bfloat16).state_dict()
    assert {name: value.dtype for name, value in read.items()} == dict.fromkeys(wanted, torch.bfloat16)
    assert all(torch.equal(read[name], value) for name, value in wanted.items())


def test_a_folder_that_is_no_generator_is_refused(tmp_path: Path, generator: Generator) -> None:
    with pytest.raises(BaseError, match=r"config\.json"):
        Generator.from_folder(tmp_path)
    generator.to_folder(tmp_path, torch.float32)
    replace(TINY, num_hidden_layers=3).to_file(tmp_path / "config.json")
    with pytest.raises(BaseError, match=r"transformer_layers\.2"):
        Generator.from_folder(tmp_path)


def test_tokens_that_are_no_square_are_refused(generator: Generator) -> None:
    with pytest.raises(ValueError, match="square number of tokens, got 15"):
        generator(tokens_of(1)[:, :15], condition_of(generator, 1))


def test_training_sees_what_is_drawn(generator: Generator) -> None:
    trained = generator(tokens_of(2), condition_of(generator, 2))
    with torch.no_grad():
        drawn = generator(tokens_of(2), condition_of(generator, 2))
    torch.testing.assert_close(trained, drawn, rtol=1e-5, atol=1e-6)


def test_bfloat16_autocast_is_near_and_has_gradients(generator: Generator) -> None:
    tokens, condition = tokens_of(2), condition_of(generator, 2)
    adapter = Adapter.for_generator(AdapterConfig(), TINY)
    adapter.init_weights(rng())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = generator(tokens, condition, adapter.adapt)
    torch.testing.assert_close(logits.float(), generator(tokens, condition, adapter.adapt), rtol=0.1, atol=0.1)
    logits.float().square().mean().backward()
    assert adapter.feed_forward.up.grad is not None
    assert adapter.feed_forward.up.grad.isfinite().all()


@pytest.mark.parametrize(("num_res_blocks", "places"), [(1, 25), (2, 64), (3, 64)])
def test_a_token_is_placed_by_the_blocks_padding_alone(num_res_blocks: int, places: int) -> None:
    config = replace(TINY, num_res_blocks=num_res_blocks, sample_size=8, downsample=False, upsample=False)
    generator = Generator(config)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.normal_(0, 0.3, generator=rng())
        generator = generator.double().eval()
        condition = generator.condition(
            torch.randn(1, 4, config.encoder_hidden_size, generator=rng(2)).double(),
            torch.randn(1, config.cond_embed_dim, generator=rng(3)).double(),
            torch.tensor([[64, 64, 0.0, 0.0, 6.0]]).double(),
        )
        [logits] = generator(torch.full((1, 64), config.mask_id), condition)
    is_same = (logits[:, None] - logits[None]).abs().amax(dim=-1) < 1e-9
    assert len({tuple(row) for row in is_same.tolist()}) == places
