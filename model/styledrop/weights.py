"""A model in a folder, as `config.json` and safetensors weights: one way to write it, to read it, and to fail."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from styledrop.errors import BaseError
from styledrop.reading import reading

CONFIG = "config.json"

_Model = TypeVar("_Model", bound=nn.Module)


def load_model(folder: Path, weights: str, what: str, make: Callable[[Path], _Model]) -> _Model:
    """Load `what` lies in `folder`.

    Args:
        folder: With `config.json` and the file `weights`.
        weights: The name of that file.
        what: What errors call the model.
        make: Makes the model from the path of `config.json`, on the meta device if it has no weights of its own.

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
        model.load_state_dict(load_file(folder / weights), assign=is_empty)
    return model.eval()


def save_weights(model: nn.Module, path: Path, dtype: torch.dtype) -> None:
    """Write the weights of `model`, those that are no whole numbers in `dtype`."""
    state = {
        name: (value.detach().to(dtype) if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(state, path, metadata={"format": "pt"})
