"""A model in a folder, as `config.json` and safetensors weights: one way to write it, to read it, and to fail."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from styledrop.errors import BaseError
from styledrop.reading import reading

CONFIG = "config.json"

_Model = TypeVar("_Model", bound=nn.Module)


def load_model(
    folder: Path, weights: str, what: str, make: Callable[[Path], _Model], dtype: torch.dtype | None = None
) -> _Model:
    """Load `what` lies in `folder`.

    Args:
        folder: With `config.json` and the file `weights`.
        weights: The name of that file.
        what: What errors call the model.
        make: Makes the model from the path of `config.json`, on the meta device if it has no weights of its own.
        dtype: What weights are turned into as they are read, so that never more of the file is in memory than one of
            them; None leaves them as they are.

    Raises:
        BaseError: a file is missing or cannot be read, or the weights do not fit the config.
    """
    missing = [name for name in (CONFIG, weights) if not (folder / name).is_file()]
    if missing:
        raise BaseError(
            f"expected {what} in {folder}, but {' and '.join(missing)} missing there; copy the whole folder"
        )
    with reading(folder / CONFIG):
        model = make(folder / CONFIG)
    with reading(folder / weights):
        is_empty = any(parameter.is_meta for parameter in model.parameters())
        model.load_state_dict(_read(folder / weights, dtype), assign=is_empty)
    return model.eval()


def _read(path: Path, dtype: torch.dtype | None) -> dict[str, Tensor]:
    mapped = load_file(path)  # nothing is in memory before it is used
    return {
        name: tensor
        if dtype in (None, tensor.dtype) or not tensor.is_floating_point()
        else _read_one(path, name).to(dtype)
        for name, tensor in mapped.items()
    }


def _read_one(path: Path, name: str) -> Tensor:
    # Opened anew for each: what was used of a mapped file stays in memory until it is closed.
    with safe_open(path, framework="pt") as file:
        tensor: Tensor = file.get_tensor(name)
    return tensor


def save_weights(model: nn.Module, path: Path, dtype: torch.dtype) -> None:
    """Write the weights of `model`, those that are no whole numbers in `dtype`."""
    state = {
        name: (value.detach().to(dtype) if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(state, path, metadata={"format": "pt"})
