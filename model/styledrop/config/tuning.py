"""How a style is tuned: for how long, and what. Defaults are the paper's for round 1 (StyleDrop, Tab. S3).

For each method there is the size of what is tuned (`AdapterConfig`, …), which stays with the weights in their card,
and the whole of its settings (`AdapterTuning`, …): size, steps and learning rate side by side, as in a spec.
"""

from typing import Literal

from pydantic import Field

from styledrop.config.settings import Settings


class TuningConfig(Settings):
    """What is set for every method."""

    steps: int = Field(default=1000, ge=1, le=100_000)
    """Optimizer steps; the paper: 1000."""
    learning_rate: float = Field(default=3e-5, gt=0, le=1)
    """Adam's learning rate. The paper's 3e-5 fits a base of 3B parameters; a small base needs a larger one."""
    batch_size: int = Field(default=8, ge=1, le=1024)
    """Images in a step; the paper: 8."""


class AdapterConfig(Settings):
    """Size of an adapter (StyleDrop, App. B.1.1)."""

    bottleneck: int = Field(default=4, ge=1, le=1024)
    """Width of the adapter's hidden layer; the paper: 4 in round 1, 32 in round 2. Parameters grow linearly with it."""
    share_across_layers: bool = True
    """One adapter for all layers plus small offsets, instead of one for each; the paper: in round 1, not in round 2."""
    method: Literal["adapter"] = "adapter"
    """What is tuned."""


class LoRAConfig(Settings):
    """Size of a LoRA (arXiv:2106.09685)."""

    rank: int = Field(default=4, ge=1, le=1024)
    """Columns of the two thin matrices beside each weight matrix. Parameters grow linearly with it."""
    alpha: float = Field(default=4.0, gt=0, allow_inf_nan=False)
    """The change is scaled by alpha / rank."""
    method: Literal["lora"] = "lora"
    """What is tuned."""


class SoftPromptConfig(Settings):
    """Size of a soft prompt (arXiv:2104.08691)."""

    num_vectors: int = Field(default=8, ge=1, le=1024)
    """Vectors that stand before the text features."""
    method: Literal["soft_prompt"] = "soft_prompt"
    """What is tuned."""


class FullFineTuneConfig(Settings):
    """Nothing to set: every weight is tuned."""

    method: Literal["whole"] = "whole"
    """What is tuned."""


class AdapterTuning(AdapterConfig, TuningConfig):
    """StyleDrop's method: an adapter is tuned, the base is frozen."""


class LoRATuning(LoRAConfig, TuningConfig):
    """A LoRA on the attention projections is tuned, the base is frozen."""


class SoftPromptTuning(SoftPromptConfig, TuningConfig):
    """Vectors before the text features are tuned, the base is frozen."""


class FullFineTuning(FullFineTuneConfig, TuningConfig):
    """All of the generator's weights are tuned, as in DreamBooth (arXiv:2208.12242)."""


Method = AdapterConfig | LoRAConfig | SoftPromptConfig | FullFineTuneConfig
"""The size of what is tuned."""

Tuning = AdapterTuning | LoRATuning | SoftPromptTuning | FullFineTuning
"""All that is set for one tuning."""

TUNINGS: tuple[type[Tuning], ...] = (AdapterTuning, LoRATuning, SoftPromptTuning, FullFineTuning)

RATES = {"lora": 1.0, "soft_prompt": 10.0, "whole": 0.3}
"""Learning rates of the other methods, as multiples of the adapter's: those at which they do on kept looks what the
adapter does (`bench.kept_looks`, docs/log.md); of `whole`, tried once."""


def as_method(adapter: AdapterTuning, method: str) -> Tuning:
    """Tune by another method for as long as `adapter`, with as many images in a step, at the rate that suits it.

    Raises:
        KeyError: there is no such method.
    """
    if method == adapter.method:
        return adapter
    kind = {tuning.model_fields["method"].default: tuning for tuning in TUNINGS}[method]
    rate = min(1.0, RATES[method] * adapter.learning_rate)
    return kind(steps=adapter.steps, learning_rate=rate, batch_size=adapter.batch_size)
