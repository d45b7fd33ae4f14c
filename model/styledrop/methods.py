"""The ways to tune, by the names that cards use for them."""

from styledrop.adapters import Adapter, AdapterConfig
from styledrop.full_fine_tune import FullFineTune, FullFineTuneConfig
from styledrop.generator import Generator
from styledrop.lora import LoRA, LoRAConfig
from styledrop.soft_prompt import SoftPrompt, SoftPromptConfig
from styledrop.tuned import Tuned

Method = AdapterConfig | LoRAConfig | SoftPromptConfig | FullFineTuneConfig

METHODS: dict[str, type[Method]] = {
    "adapter": AdapterConfig,
    "lora": LoRAConfig,
    "soft_prompt": SoftPromptConfig,
    "whole": FullFineTuneConfig,
}


def method_name(method: Method) -> str:
    """The name of a method in `METHODS`."""
    return next(name for name, kind in METHODS.items() if isinstance(method, kind))


def new_tuned(method: Method, generator: Generator) -> Tuned:
    """Make what `method` tunes, of the generator's size, on the CPU; its weights are yet to be set.

    Weights are drawn there, so that a seed gives the same ones whatever the base runs on.
    """
    match method:
        case AdapterConfig():
            return Adapter.for_generator(method, generator.config)
        case LoRAConfig():
            return LoRA(method, generator.config)
        case SoftPromptConfig():
            return SoftPrompt(method, generator.config)
        case FullFineTuneConfig():
            return FullFineTune(method, generator)  # a copy, where the generator is: nothing of it is drawn


def method_of(tuned: Tuned) -> Method:
    """With what `tuned` was made.

    Raises:
        TypeError: it is put together from others, which have a method each.
    """
    if isinstance(tuned, Adapter | LoRA | SoftPrompt | FullFineTune):
        return tuned.config
    raise TypeError(f"expected what `tune` makes, got a {type(tuned).__name__}; save its adapters one by one")
