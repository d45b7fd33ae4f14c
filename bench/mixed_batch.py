"""What does it cost to give every image of a batch its own style?

    python -m bench.mixed_batch [--base FOLDER] [--repeats N]

Eight adapters and sixteen images: once all with the first adapter, once two images
with each. Adapters are random, since their cost does not depend on what they learnt. The images of
the mixed batch are compared with those that each adapter draws alone.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence

import torch
from torch import nn

import styledrop
from bench.embedded import GUIDANCE, LATER_ROUNDS, SAMPLING
from tasks.models import open_base

NUM_STYLES = 8
IMAGES_EACH = 2


def random_adapters(base: styledrop.Base) -> list[styledrop.Adapter]:
    """Adapters of the later rounds' size that all change the images."""
    made = []
    for seed in range(NUM_STYLES):
        adapter = styledrop.Adapter.for_generator(LATER_ROUNDS, base.generator.config)
        rng = torch.Generator().manual_seed(seed)
        for parameter in adapter.parameters():
            nn.init.normal_(parameter, std=0.05, generator=rng)
        made.append(adapter.requires_grad_(False).eval().to(base.device))
    return made


def draw(
    base: styledrop.Base, styles: Sequence[styledrop.Adapter], prompts: Sequence[str], seeds: Sequence[int]
) -> tuple[torch.Tensor, float]:
    """Tokens, and the seconds that they took."""
    started = time.perf_counter()
    drawn = styledrop.sample(
        base,
        prompts,
        seeds=seeds,
        style=styles,
        guidance=GUIDANCE,
        config=SAMPLING,
        batch_size=NUM_STYLES * IMAGES_EACH,
    )
    return drawn.tokens, time.perf_counter() - started


def main() -> None:
    """Measure both batches in turn, and compare images."""
    parser = argparse.ArgumentParser(prog="python -m bench.mixed_batch")
    parser.add_argument("--base", default="embedded")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    adapters = random_adapters(base)
    styles = [adapter for adapter in adapters for _ in range(IMAGES_EACH)]
    prompts, seeds = ["a cat in flat style"] * len(styles), list(range(len(styles)))
    draw(base, styles, prompts, seeds)  # the first call warms up

    ratios, mixed = [], torch.empty(0)
    for _ in range(arguments.repeats):  # in turn, so that a busy machine slows both
        _, single_s = draw(base, [adapters[0]] * len(styles), prompts, seeds)
        mixed, mixed_s = draw(base, styles, prompts, seeds)
        ratios.append(mixed_s / single_s)
        print(f"one adapter {single_s:.2f} s, eight adapters {mixed_s:.2f} s", flush=True)
    alone = torch.cat(
        [
            draw(base, styles[i : i + IMAGES_EACH], prompts[i : i + IMAGES_EACH], seeds[i : i + IMAGES_EACH])[0]
            for i in range(0, len(styles), IMAGES_EACH)
        ]
    )
    equal = bool(torch.equal(mixed, alone))
    print(json.dumps({"cost": round(statistics.median(ratios), 3), "equal": equal, "styles": NUM_STYLES}))


if __name__ == "__main__":
    main()
