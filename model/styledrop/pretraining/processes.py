"""Training in several processes that average their gradients (data parallel, gloo).

On a CPU that is shared, two processes of one thread train faster than one process of two threads,
whose every operation waits for both.
"""

import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import torch
from torch import Tensor, distributed

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


def train_in_processes(count: int, train: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> _Result:
    """Call `train(*arguments)` here and in `count - 1` helper processes, one thread each; return what it returns here.

    `train` and its arguments are pickled on their way to the helpers, so it is a function of a module and they are
    small. If one process fails or dies, the others fail at the next thing they do together.
    """
    if count == 1:
        return train(*arguments)
    num_threads = torch.get_num_threads()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        rendezvous = (Path(folder) / "rendezvous").as_uri()
        helpers = [
            context.Process(target=_join, args=(rank, count, rendezvous, train, arguments), daemon=True)
            for rank in range(1, count)
        ]
        for helper in helpers:
            helper.start()
        try:
            result = _join(0, count, rendezvous, train, arguments)
            for helper in helpers:
                helper.join()
        finally:
            torch.set_num_threads(num_threads)
            for helper in helpers:
                helper.kill()
    return result


def _join(
    rank: int, count: int, rendezvous: str, train: Callable[..., _Result], arguments: tuple[object, ...]
) -> _Result:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=count)
    try:
        return train(*arguments)
    finally:
        distributed.destroy_process_group()


def sum_over_processes(tensors: list[Tensor]) -> None:
    """Replace each tensor by its sum over the group's processes; without a group, leave all as they are."""
    if not distributed.is_initialized():
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(total.view_as(tensor))


def mean_over_processes(tensors: list[Tensor]) -> None:
    """Replace each tensor by its mean over the group's processes; without a group, leave all as they are."""
    sum_over_processes(tensors)
    count = rank_and_count()[1]
    if count > 1:
        torch._foreach_div_(tensors, count)


def take_from_first(tensor: Tensor) -> None:
    """Replace `tensor` by the first process's; without a group, leave it as it is."""
    if distributed.is_initialized():
        distributed.broadcast(tensor, 0)


def rank_and_count() -> tuple[int, int]:
    """This process's place in its group and the group's size; (0, 1) without a group."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
