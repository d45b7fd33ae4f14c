"""Checkpoints without pickle: one safetensors file that holds tensors and a JSON state.

A checkpoint reaches the disk before it replaces the one before it in a single rename, so a process killed, or a
machine switched off, at any moment leaves either the old or the new one.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from styledrop.errors import ArtifactError


def write_checkpoint(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write `tensors` and the JSON-serialisable `state` to `path`, atomically.

    Raises:
        ArtifactError: if it cannot be written; the checkpoint before it stays.
    """
    partial = path.with_name(path.name + ".partial")
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(contiguous, partial, metadata={"state": json.dumps(state)})
        _sync(partial)
        os.replace(partial, path)
        _sync(path.parent)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink()  # on a full disk it takes the room of what is to be mended
        raise ArtifactError(
            f"expected to write a checkpoint to {path}, got {error}; make room there, then go on from the one before"
        ) from error


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read what `write_checkpoint` wrote; None if there is no file.

    Raises:
        ArtifactError: if the file is no checkpoint.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            state = dict(json.loads(file.metadata()["state"]))
    except Exception as error:  # safetensors', JSON's, and TypeErrors of all kinds
        raise ArtifactError(
            f"expected a checkpoint at {path}, got {type(error).__name__}: {error}; delete the file to start over"
        ) from error
    return tensors, state


def optimizer_tensors(*optimizers: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizers' state, keyed by the parameter's place among all of them and the name of the moment."""
    states = {id(parameter): moments for optimizer in optimizers for parameter, moments in optimizer.state.items()}
    return {
        f"optimizer.{place}.{name}": value
        for place, (_, parameter) in enumerate(_parameters(optimizers))
        for name, value in states.get(id(parameter), {}).items()
    }


def restore_optimizer(tensors: dict[str, Tensor], *optimizers: torch.optim.Optimizer) -> None:
    """Put back what `optimizer_tensors` took; optimizers and parameters must stand in the same order."""
    parameters = _parameters(optimizers)
    for key, value in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            place, _, name = rest.partition(".")
            optimizer, parameter = parameters[int(place)]
            # Adam counts its steps on the CPU; its moments lie beside the parameter.
            device = parameter.device if value.ndim else value.device
            optimizer.state[parameter][name] = value.to(device, copy=True)


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parameters(optimizers: tuple[torch.optim.Optimizer, ...]) -> list[tuple[torch.optim.Optimizer, Tensor]]:
    return [
        (optimizer, parameter)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
