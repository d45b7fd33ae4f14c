"""The ways to tune, by the names that specs and cards use for them."""

from pydantic import TypeAdapter

from styledrop.adapters import Adapter
from styledrop.config.tuning import (
    AdapterConfig,
    FullFineTuneConfig,
    LoRAConfig,
    Method,
    SoftPromptConfig,
    Tuning,
    TuningConfig,
)
from styledrop.full_fine_tune import FullFineTune
from styledrop.generator import Generator
from styledrop.lora import LoRA
from styledrop.soft_prompt import SoftPrompt
from styledrop.tuned import Tuned


def size_of(config: Tuning) -> Method:
    """The part of `config` that says how large the tuned thing is; it stays with the weights."""
    return TypeAdapter[Method](Method).validate_python(config.model_dump(exclude=set(TuningConfig.model_fields)))


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
