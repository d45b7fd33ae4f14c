import pytest
import torch
from torch.nn import functional as F

from styledrop.generator import Generator
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.pretraining.code_tables import (
    init_part_tables,
    join_tables,
    masked_cross_entropy_of_parts,
    part_tables,
)
from tests.model.conftest import TINY, condition_of, randomized, rng

PARTS = [(4, 4), (2, 8), (2, 2, 4)]
"""Of 16 codes."""


def parted(sizes: tuple[int, ...]) -> Generator:
    generator = randomized(Generator(TINY))
    assert isinstance(generator, Generator)
    generator.requires_grad_(True)
    part_tables(generator, sizes)
    return generator


def masked_tokens() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    tokens = torch.randint(16, (3, 16), generator=rng())
    masked, is_masked = mask_tokens(tokens, mask_id=TINY.mask_id, generator=rng(1))
    return tokens, masked, is_masked


@pytest.mark.parametrize("sizes", PARTS)
def test_the_loss_of_the_parts_is_the_cross_entropy_over_the_whole_table(sizes: tuple[int, ...]) -> None:
    generator, condition = parted(sizes), condition_of(Generator(TINY), 3)
    tokens, masked, is_masked = masked_tokens()
    of_parts = masked_cross_entropy_of_parts(generator, generator.features(masked, condition), tokens, is_masked)
    whole = masked_cross_entropy(generator(masked, condition), tokens, is_masked)
    torch.testing.assert_close(of_parts, whole)


@pytest.mark.parametrize("sizes", PARTS)
def test_written_out_the_generator_gives_the_same_logits_and_is_an_ordinary_one(sizes: tuple[int, ...]) -> None:
    generator, condition = parted(sizes), condition_of(Generator(TINY), 3)
    _, masked, _ = masked_tokens()
    with torch.no_grad():
        before = generator(masked, condition)
        join_tables(generator)
        after = generator(masked, condition)
    torch.testing.assert_close(after, before)
    ordinary = Generator(TINY)
    ordinary.load_state_dict(generator.state_dict())
    assert set(ordinary.state_dict()) == set(generator.state_dict())


def test_a_table_that_is_a_sum_stays_as_it_is_and_rows_that_are_no_codes_always_do() -> None:
    generator = Generator(TINY)
    one, other = torch.randn(4, 1, 24, generator=rng()), torch.randn(1, 4, 24, generator=rng(1))
    table = generator.embed.embeddings.weight
    with torch.no_grad():
        table[:16] = (one + other).flatten(0, 1)
    before = table.detach().clone()
    part_tables(generator, (4, 4))
    torch.testing.assert_close(generator.embed.embeddings.weight, before)
    assert torch.equal(generator.embed.embeddings.weight[16:], before[16:])


def test_sums_are_the_nearest_to_what_a_table_was() -> None:
    generator = randomized(Generator(TINY))
    assert isinstance(generator, Generator)
    table = generator.embed.embeddings.weight[:16].detach().clone()
    part_tables(generator, (4, 4))
    nearest = generator.embed.embeddings.weight[:16].detach()
    # The same as least squares over indicators of both parts' codes.
    places = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    indicators = torch.cat([F.one_hot(places[:, 0], 4), F.one_hot(places[:, 1], 4)], dim=1).double()
    fitted = indicators @ torch.linalg.pinv(indicators) @ table.double()
    torch.testing.assert_close(nearest.double(), fitted, atol=1e-5, rtol=1e-4)


def test_fresh_parts_have_sums_of_the_whole_tables_deviation() -> None:
    generator = parted((4, 4))
    init_part_tables(generator, rng())
    for weight in (generator.embed.embeddings.weight[:16], generator.mlm_layer.conv2.weight):
        assert float(weight.detach().std()) == pytest.approx(0.02, rel=0.2)
