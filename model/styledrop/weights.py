"""A model in a folder, as `config.json` and safetensors weights: one way to write it, to read it, and to fail."""

from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from styledrop.reading import reading

CONFIG = "config.json"


@runtime_checkable
class StoredConfig(Protocol):
    """What a model is made from, as its `config.json` says it."""

    @classmethod
    def from_file(cls, path: Path) -> Any:
        """Read what `to_file` wrote."""

    def to_file(self, path: Path) -> None:
        """Write the config as JSON."""


Config = TypeVar("Config", bound=StoredConfig)
Model = TypeVar("Model", bound="StoredModel[Any]")


class StoredModel(nn.Module, Generic[Config]):
    """A model that its config alone makes, and that lies in a folder of its own."""

    weights_name: ClassVar[str] = "diffusion_pytorch_model.safetensors"
    config_type: type[Config]

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def from_folder(cls: type[Model], folder: Path, dtype: torch.dtype = torch.float32) -> Model:
        """Load `config.json` and the weights, in `dtype`.

        Weights are turned into it as they are read, so that never more of the file is in memory than one of them.

        Raises:
            BaseError: a file is missing or cannot be read, or the weights do not fit the config.
        """
        config, weights = folder / CONFIG, folder / cls.weights_name
        with reading(config), torch.device("meta"):
            model = cls(cls.config_type.from_file(config))
        with reading(weights):
            model.load_state_dict(_read(weights, dtype), assign=True)
        return model.eval()

    def to_folder(self, folder: Path, dtype: torch.dtype) -> None:
        """Write what `from_folder` reads, with the weights in `dtype`, but for whole numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        self.config.to_file(folder / CONFIG)
        state = {
            name: (value.detach().to(dtype) if value.is_floating_point() else value).contiguous()
            for name, value in self.state_dict().items()
        }
        save_file(state, folder / self.weights_name, metadata={"format": "pt"})


def _read(path: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    mapped = load_file(path)  # nothing is in memory before it is used
    return {
        name: tensor if tensor.dtype == dtype or not tensor.is_floating_point() else _read_one(path, name).to(dtype)
        for name, tensor in mapped.items()
    }


def _read_one(path: Path, name: str) -> Tensor:
    # Opened anew for each: what was used of a mapped file stays in memory until it is closed.
    with safe_open(path, framework="pt") as file:
        tensor: Tensor = file.get_tensor(name)
    return tensor
