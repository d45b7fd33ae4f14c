import numpy as np
import torch

from styledrop.pretraining.codes import TrainedCodes


def codes(count: int = 5) -> TrainedCodes:
    torch.manual_seed(0)
    return TrainedCodes(count, 4)


def followed(trained: TrainedCodes, given: torch.Tensor, chosen: torch.Tensor, *, restarts: bool) -> None:
    trained.follow(given, chosen, decay=0.9, restarts=restarts, rng=np.random.default_rng(0))


def test_codes_start_where_they_are_told() -> None:
    trained, table = codes(), torch.arange(20.0).view(5, 4)
    trained.start_at(table)
    assert torch.equal(trained.table(), table)
    assert trained.nearest(table.flip(0)).tolist() == [4, 3, 2, 1, 0]


def test_codes_move_towards_the_latents_that_chose_them_and_others_stay() -> None:
    trained = codes()
    old = trained.table().clone()
    given, chosen = torch.full((6, 4), 9.0), torch.zeros(6, dtype=torch.long)
    followed(trained, given, chosen, restarts=False)
    new = trained.table()
    assert torch.dist(new[0], given[0]) < torch.dist(old[0], given[0])
    assert torch.allclose(new[1:], old[1:], rtol=1e-4)


def test_an_unused_code_restarts_at_a_latent_of_the_batch_where_restarts_are_asked_for() -> None:
    trained = codes()
    trained.usage[4] = 0.01
    given = torch.full((6, 4), 9.0) + torch.arange(6.0)[:, None]
    chosen = torch.zeros(6, dtype=torch.long)
    followed(trained, given, chosen, restarts=False)
    assert float(trained.usage[4]) < 0.02
    followed(trained, given, chosen, restarts=True)
    assert any(torch.equal(trained.table()[4], latent) for latent in given)
    assert float(trained.usage[4]) == 1.0


def test_bits_used_count_the_codes_in_use() -> None:
    trained = codes(8)
    assert trained.bits_used() == 3.0
    trained.usage[2:] = 0.0
    assert trained.bits_used() == 1.0
