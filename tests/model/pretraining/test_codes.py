from itertools import product

import numpy as np
import pytest
import torch

from styledrop.pretraining.codes import TrainedCodes

SIZES = (3, 5)


def codes(sizes: tuple[int, ...] = SIZES, channels: int = 4) -> TrainedCodes:
    torch.manual_seed(0)
    return TrainedCodes(sizes, channels)


def latents(count: int = 200) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("sizes", [(16,), SIZES, (2, 3, 2, 2)])
def test_the_nearest_parts_are_the_nearest_row_of_the_written_out_table(sizes: tuple[int, ...]) -> None:
    trained = codes(sizes)
    chosen, table = trained.nearest(latents()), trained.table()
    assert table.shape == (np.prod(sizes), 4)
    rows = torch.from_numpy(np.ravel_multi_index(tuple(chosen.T.numpy()), sizes))
    assert torch.equal(torch.cdist(latents(), table).argmin(dim=1), rows)
    assert torch.equal(trained.quantized(chosen), table[rows])


def test_the_last_part_counts_fastest() -> None:
    trained = codes()
    rows = [torch.cat([trained.codes(0)[one], trained.codes(1)[other]]) for one, other in product(range(3), range(5))]
    assert torch.equal(trained.table(), torch.stack(rows))


def test_latents_that_cannot_be_cut_into_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 3 channels, got 4"):
        codes((2, 2, 2))


def test_codes_start_where_they_are_told() -> None:
    trained, tables = codes(), [torch.full((3, 2), 2.0), torch.full((5, 2), 3.0)]
    trained.start_at(tables)
    assert torch.equal(trained.codes(0), tables[0]) and torch.equal(trained.codes(1), tables[1])


def followed(trained: TrainedCodes, given: torch.Tensor, chosen: torch.Tensor, *, restarts: bool) -> None:
    trained.follow(given, chosen, decay=0.9, restarts=restarts, rng=np.random.default_rng(0))


def test_codes_move_towards_the_latents_that_chose_them_and_others_stay() -> None:
    trained = codes()
    before = [trained.codes(part).clone() for part in range(2)]
    given, chosen = torch.full((6, 4), 9.0), torch.zeros(6, 2, dtype=torch.long)
    followed(trained, given, chosen, restarts=False)
    for part, old in enumerate(before):
        new = trained.codes(part)
        assert torch.dist(new[0], torch.full((2,), 9.0)) < torch.dist(old[0], torch.full((2,), 9.0))
        assert torch.allclose(new[1:], old[1:], rtol=1e-4)


def test_an_unused_code_restarts_at_a_latent_of_the_batch_where_restarts_are_asked_for() -> None:
    trained = codes()
    trained.get_buffer("usage_1")[4] = 0.01
    given = torch.full((6, 4), 9.0) + torch.arange(6.0)[:, None]
    chosen = torch.zeros(6, 2, dtype=torch.long)
    followed(trained, given, chosen, restarts=False)
    assert float(trained.get_buffer("usage_1")[4]) < 0.02
    followed(trained, given, chosen, restarts=True)
    assert any(torch.equal(trained.codes(1)[4], latent[2:]) for latent in given)
    assert float(trained.get_buffer("usage_1")[4]) == 1.0


def test_bits_used_count_the_codes_in_use() -> None:
    trained = codes((4, 8), 4)
    assert trained.bits_used() == 5.0
    trained.get_buffer("usage_1")[2:] = 0.0
    assert trained.bits_used() == 3.0
