"""How small is what is tuned? Adapters at the paper's shapes, and the share of a base's generator that each method has.

    python -m bench.parameter_counts [--base FOLDER]

The paper gives 0.23M for round 1 and 12.6M for round 2 on Muse's base model (Tab. S3; 48 layers,
width 2048, Muse Tab. 4), whose other shapes it does not give: there is no share for it here.
"""

import argparse
import json

import torch

import styledrop
from styledrop import Adapter, AdapterConfig, LoRAConfig, SoftPromptConfig
from styledrop.config.tuning import Method
from styledrop.generator import Generator, GeneratorConfig
from styledrop.methods import new_tuned

ADAPTERS = {
    "shared_4": AdapterConfig(),
    "unshared_12": AdapterConfig(bottleneck=12, share_across_layers=False),
    "unshared_32": AdapterConfig(bottleneck=32, share_across_layers=False),
}
"""The paper's for round 1, the pipeline's for later rounds on the embedded base, the paper's for round 2."""
SETTINGS: dict[str, Method] = {**ADAPTERS, "lora": LoRAConfig(), "soft_prompt": SoftPromptConfig()}
"""Besides them the other methods of `bench.held_out_styles` that tune less than all weights."""

MUSE_LAYERS, MUSE_WIDTH = 48, 2048


def muse_counts() -> dict[str, int]:
    """Parameters of each of `ADAPTERS` on the paper's Muse."""
    return {
        name: Adapter(config, num_layers=MUSE_LAYERS, width=MUSE_WIDTH).parameter_count()
        for name, config in ADAPTERS.items()
    }


def counts_on(generator: Generator) -> dict[str, int | float]:
    """The generator's parameters, and the parameters and share of each of `SETTINGS` on it."""
    total = sum(parameter.numel() for parameter in generator.parameters())
    counts: dict[str, int | float] = {"generator": total}
    for name, config in SETTINGS.items():
        counts[name] = new_tuned(config, generator).parameter_count()
        counts[f"{name}_share"] = round(counts[name] / total, 6)
    return counts


def amused_generator() -> Generator:
    """The generator of aMUSEd-256, shapes without weights."""
    with torch.device("meta"):
        return Generator(GeneratorConfig())


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.parameter_counts")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    base = styledrop.Base.from_pretrained(parser.parse_args().base)
    muse = muse_counts()
    print("Muse, as in the paper: " + ", ".join(f"{name} {count:,}" for name, count in muse.items()))
    on_bases = {"amused_256": counts_on(amused_generator()), base.name: counts_on(base.generator)}
    for base_name, counts in on_bases.items():
        tuned = ", ".join(f"{name} {counts[name]:,} ({counts[f'{name}_share']:.3%})" for name in SETTINGS)
        print(f"{base_name}, generator of {counts['generator']:,}: {tuned}")
    print(json.dumps({"muse": muse, **on_bases}))


if __name__ == "__main__":
    main()
