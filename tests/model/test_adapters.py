import pytest
import torch
from torch import nn

from styledrop.adapters import Adapter, Mixture, PerImage
from styledrop.config.tuning import AdapterConfig
from styledrop.generator import SITES, Generator
from styledrop.soft_prompt import SoftPrompt, SoftPromptConfig
from tests.model.conftest import TINY, condition_of, randomized, rng

UNSHARED = AdapterConfig(bottleneck=3, share_across_layers=False)


@pytest.mark.parametrize(
    ("config", "num_layers", "width", "count"),
    [
        (AdapterConfig(bottleneck=4), 48, 2048, 229_760),  # the paper's round 1, 0.23M
        (AdapterConfig(bottleneck=32, share_across_layers=False), 48, 2048, 12_582_912),  # round 2, 12.6M
        (AdapterConfig(bottleneck=4), 22, 1024, 61_616),  # aMUSEd-256
    ],
)
def test_parameter_counts_are_the_papers(config: AdapterConfig, num_layers: int, width: int, count: int) -> None:
    with torch.device("meta"):
        assert Adapter(config, num_layers=num_layers, width=width).parameter_count() == count


@pytest.mark.parametrize("config", [AdapterConfig(), UNSHARED])
def test_a_new_adapter_changes_no_bit_of_the_logits(generator: Generator, config: AdapterConfig) -> None:
    adapter = Adapter.for_generator(config, TINY)
    adapter.init_weights(rng())
    tokens, condition = torch.randint(0, 20, (2, 16), generator=rng(1)), condition_of(generator, 2)
    assert torch.equal(generator(tokens, condition, adapter.adapt), generator(tokens, condition))
    assert adapter.attention.down.std().item() == pytest.approx(0.0175, rel=0.3)  # of a normal cut at two sigma


@pytest.mark.parametrize("config", [AdapterConfig(), UNSHARED])
def test_adapt_is_the_papers_formula(config: AdapterConfig) -> None:
    adapter = Adapter.for_generator(config, TINY)
    randomized(adapter)
    hidden = torch.randn(2, 5, 32, generator=rng())
    for layer in range(TINY.num_hidden_layers):
        for site in SITES:
            part = adapter.get_submodule(site)
            if config.share_across_layers:
                down, up = part.down[0] + part.down_offset[layer], part.up[0] + part.up_offset[layer]
            else:
                down, up = part.down[layer], part.up[layer]
            inner = nn.GELU(approximate="tanh")(torch.einsum("btd,dh->bth", hidden, down))
            wanted = hidden + torch.einsum("bth,hd->btd", inner, up)
            torch.testing.assert_close(adapter.adapt(layer, site, hidden), wanted)


@pytest.mark.parametrize("config", [AdapterConfig(), UNSHARED])
def test_every_layers_row_of_every_site_is_trained(generator: Generator, config: AdapterConfig) -> None:
    adapter = Adapter.for_generator(config, TINY)
    adapter.init_weights(rng())
    start = {name: value.clone() for name, value in adapter.state_dict().items()}
    optimizer = torch.optim.Adam(adapter.parameters(), 1e-3)
    tokens, condition = torch.randint(0, 20, (4, 16), generator=rng(1)), condition_of(generator, 4)
    for _ in range(2):  # the down weights get a gradient once the up weights have left zero
        optimizer.zero_grad()
        generator(tokens, condition, adapter.adapt).square().mean().backward()
        optimizer.step()
    for name, value in adapter.state_dict().items():
        changed = (value != start[name]).flatten(1).float().mean(dim=1)
        assert changed.min() > 0.9, (name, changed)


def test_a_mixture_adds_its_adapters_weighted_changes(generator: Generator) -> None:
    first, second = (Adapter.for_generator(UNSHARED, TINY) for _ in range(2))
    randomized(first, seed=1)
    randomized(second, seed=2)
    hidden = torch.randn(2, 5, 32, generator=rng(3))
    for site in SITES:
        mixed = Mixture([(first, 0.7), (second, -0.2)]).adapt(1, site, hidden)
        wanted = 0.7 * first.adapt(1, site, hidden) - 0.2 * second.adapt(1, site, hidden) + 0.5 * hidden
        torch.testing.assert_close(mixed, wanted)
    with pytest.raises(ValueError, match="at least one adapter"):
        Mixture([])
    with pytest.raises(ValueError, match=r"expected adapters to mix.*got \['SoftPrompt'\]"):
        Mixture([(first, 0.5), (SoftPrompt(SoftPromptConfig(), TINY), 0.5)])


def test_which_image_has_which_adapter_is_known_on_the_device() -> None:
    first, second = (Adapter.for_generator(UNSHARED, TINY) for _ in range(2))
    groups = PerImage([first, second, first], device=torch.device("meta")).groups
    assert [(tuned, len(rows), rows.device.type) for tuned, rows in groups] == [(first, 2, "meta"), (second, 1, "meta")]
