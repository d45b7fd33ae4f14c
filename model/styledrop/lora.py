"""LoRA (arXiv:2106.09685) on the attention projections of the transformer layers, to compare the adapters with.

y = W x + (alpha / rank) B A x, with W frozen, B zero at the start.

Parameters have PEFT's names, so that `peft` loads what `styledrop.artifact` writes onto diffusers' `UVit2DModel`;
`diffusers_weights` gives them diffusers' names, for `UVit2DModel.load_lora_adapter`.
"""

import copy
import math
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styledrop.base import Base
from styledrop.config.tuning import LoRAConfig
from styledrop.generator import Generator, GeneratorConfig
from styledrop.tuned import Tuned

_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
_PEFT_PREFIX = "base_model.model"

_PEFT_VERSION = "0.21.2"
"""The PEFT whose format `peft_config` is; the tests open it with this one."""


def lora_targets(config: GeneratorConfig) -> list[str]:
    """Names of the linear layers that a LoRA changes: queries, keys, values and outputs of both attentions."""
    return [
        f"transformer_layers.{layer}.{attention}.{projection}"
        for layer in range(config.num_hidden_layers)
        for attention in ("attn1", "attn2")
        for projection in _PROJECTIONS
    ]


class LoRA(Tuned):
    """A pair of thin matrices for each of `lora_targets`, under the names that PEFT gives them."""

    changes_condition = True  # the text's keys and values are among what it changes

    def __init__(self, config: LoRAConfig, generator: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.targets = lora_targets(generator)
        width = generator.hidden_size
        for target in self.targets:
            self._register(f"{target}.lora_A", nn.Parameter(torch.zeros(config.rank, width)))
            self._register(f"{target}.lora_B", nn.Parameter(torch.zeros(width, config.rank)))

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator) -> None:
        """Set B to zero and A to PEFT's default, uniform within 1/sqrt(width), drawn from `rng`."""
        for target in self.targets:
            down, up = self._pair(target)
            bound = 1 / math.sqrt(down.shape[1])
            down.uniform_(-bound, bound, generator=rng)
            up.zero_()

    def on(self, base: Base) -> Base:
        """Give a base whose generator shares every weight with `base`'s and has this LoRA beside them."""
        shared = {id(parameter): parameter for parameter in base.generator.parameters()}
        generator: Generator = copy.deepcopy(base.generator, shared)
        for target in self.targets:
            place, _, name = target.rpartition(".")
            linear = generator.get_submodule(target)
            assert isinstance(linear, nn.Linear)
            changed = _LoRALinear(linear, *self._pair(target), self.config.alpha / self.config.rank)
            setattr(generator.get_submodule(place), name, changed)
        return replace(base, generator=generator)

    def peft_config(self, base_name: str) -> dict[str, Any]:
        """PEFT's `adapter_config.json`, whole, of this LoRA on the base `base_name`.

        PEFT has no task type for images from text (None), and finds the model that it belongs on by `auto_mapping`.
        """
        return {
            "alpha_pattern": {},
            "auto_mapping": {
                "base_model_class": "UVit2DModel",
                "parent_library": "diffusers.models.unets.uvit_2d",
            },
            "base_model_name_or_path": base_name,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "layer_replication": None,
            "layers_pattern": None,
            "layers_to_transform": None,
            "lora_alpha": self.config.alpha,
            "lora_dropout": 0.0,
            "modules_to_save": None,
            "peft_type": "LORA",
            "peft_version": _PEFT_VERSION,
            "r": self.config.rank,
            "rank_pattern": {},
            "revision": None,
            "target_modules": self.targets,
            "task_type": None,
            "use_dora": False,
            "use_rslora": False,
        }

    def diffusers_weights(self) -> dict[str, Tensor]:
        """The matrices by the names of diffusers' `pytorch_lora_weights.safetensors`."""
        return {f"transformer{name.removeprefix(_PEFT_PREFIX)}": value for name, value in self.state_dict().items()}

    def diffusers_metadata(self) -> dict[str, Any]:
        """What diffusers' file says of the matrices in its header; without it diffusers takes alpha for the rank."""
        described = {"r": self.config.rank, "lora_alpha": self.config.alpha, "target_modules": self.targets}
        return {f"transformer.{key}": value for key, value in described.items()}

    def _register(self, name: str, weight: nn.Parameter) -> None:
        module: nn.Module = self
        for part in f"{_PEFT_PREFIX}.{name}".split("."):
            if part not in dict(module.named_children()):
                module.add_module(part, nn.Module())
            module = module.get_submodule(part)
        module.register_parameter("weight", weight)

    def _pair(self, target: str) -> tuple[nn.Parameter, nn.Parameter]:
        name = f"{_PEFT_PREFIX}.{target}"
        return self.get_parameter(f"{name}.lora_A.weight"), self.get_parameter(f"{name}.lora_B.weight")


class _LoRALinear(nn.Module):
    def __init__(self, linear: nn.Linear, down: nn.Parameter, up: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.linear, self.down, self.up, self.scale = linear, down, up, scale

    def forward(self, hidden: Tensor) -> Tensor:
        change = F.linear(F.linear(hidden.to(self.down.dtype), self.down), self.up)
        out: Tensor = self.linear(hidden)
        return out.add(change.to(out.dtype), alpha=self.scale)
