"""Which generator learns most in the same time? Short runs from random weights, compared on what they never saw.

    python -m bench.generator_runs --work FOLDER --out FOLDER [--runs NAME …]

FOLDER is `flows.pretrain_base`'s, of which corpus, draws and tokens are enough; text is read by the embedded base's
encoder. Each run of `RUNS` differs from `medium`, the embedded base's generator, in what it names. All are trained in
one process for about the same core seconds, so a smaller generator sees more pictures. A run goes on from its
checkpoint in --out.

The error is the masked cross entropy in nats a token on icons kept from training and on looks kept from it
(`bench.generalization`). What a run has more than `medium` is taken picture by picture; its standard error is over
pictures, so it does not hold what another seed would change: `medium_again` shows that. The last line is JSON.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from data.documents.pretrain_spec import GENERATOR, TEXT, VQGAN
from styledrop.pretraining.generator import TokenizedPictures, generator_config, masked_error, train_generator
from tasks.models import open_base
from tasks.pretraining.draws import KEPT
from tasks.pretraining.tokens import read_tokenized
from tasks.pretraining.training import stage_run

SMALL = {"hidden_size": 128, "num_hidden_layers": 4, "intermediate_size": 384, "channels": 96}
RATES = ("learning_rate", "muon_rate")
LARGE = {"hidden_size": 320, "num_hidden_layers": 8, "num_attention_heads": 5, "intermediate_size": 832}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A generator, its schedule, and how it differs from the embedded base's."""

    steps: int
    """As many as take about the same time."""
    changes: Mapping[str, Any]
    """Of the fields of the generator's settings."""
    schedule: Mapping[str, Any]
    """Of those of its schedule."""
    falling: float = 0.8
    """Share of the steps in which the rates fall, as for the embedded base."""
    seed: int = 0


RUNS = {
    "medium": Run(steps=700, changes={}, schedule={}),
    "medium_again": Run(steps=700, changes={}, schedule={}, seed=1),
    "small": Run(steps=1250, changes=SMALL, schedule={}),
    "large": Run(steps=285, changes=LARGE, schedule={}),
    "twice_the_rates": Run(
        steps=700, changes={}, schedule={name: 2 * getattr(GENERATOR.schedule, name) for name in RATES}
    ),
    "short_fall": Run(steps=700, changes={}, schedule={}, falling=0.3),
}


def train(name: str, pictures: TokenizedPictures, kept: Mapping[str, TokenizedPictures], out: Path) -> tuple[Any, ...]:
    """Train a run in its folder of `out`, or go on with it; return its row and each kept picture's error, by set."""
    wanted, base = RUNS[name], open_base("embedded")
    steps = {"num_steps": wanted.steps, "decay_steps": round(wanted.falling * wanted.steps)}
    schedule = GENERATOR.schedule.model_copy(update={**steps, **wanted.schedule})
    settings = GENERATOR.model_copy(update={**wanted.changes, "schedule": schedule})
    model = generator_config(settings, TEXT, VQGAN, base.size_px)
    with stage_run(name, schedule, out / name, seed=wanted.seed) as run:
        generator = train_generator(pictures, {}, base.text, base.size_px, model, settings, run)
    seconds = json.loads((out / name / "curve.jsonl").read_text().splitlines()[-1])["seconds"]
    errors = {of: masked_error(generator, base.text, some, base.size_px).nats_of_each for of, some in kept.items()}
    row = {
        "run": name,
        "parameters": sum(parameter.numel() for parameter in generator.parameters()),
        "pictures": schedule.num_steps * schedule.batch_size,
        "seconds": seconds,
        **{of: round(float(nats.mean()), 3) for of, nats in errors.items()},
    }
    return row, errors


def gained(errors: Float[Tensor, " pictures"], over: Float[Tensor, " pictures"]) -> str:
    """The mean difference, picture by picture, and its standard error."""
    difference = errors - over
    return f"{float(difference.mean()):+.3f} ± {float(difference.std()) / len(difference) ** 0.5:.3f}"


def main() -> None:
    """Train the runs that are asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.generator_runs")
    parser.add_argument("--work", type=Path, required=True, help="flows.pretrain_base's folder: corpus, draws, tokens")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs' checkpoints")
    parser.add_argument("--runs", nargs="+", choices=tuple(RUNS), default=list(RUNS), help="default: all")
    arguments = parser.parse_args()
    work: Path = arguments.work
    made = (work / "corpus" / "result", work / "draws" / "result", work / "tokens" / "result")
    pictures = read_tokenized(*made, "trained")
    kept = {name: read_tokenized(*made, name) for name in KEPT}
    rows, errors = [], {}
    for name in dict.fromkeys(("medium", *arguments.runs)):
        row, errors[name] = train(name, pictures, kept, arguments.out)
        row |= {f"{of}_gained": gained(nats, errors["medium"][of]) for of, nats in errors[name].items()}
        print("  ".join(f"{field} {value}" for field, value in row.items()), flush=True)
        rows.append(row)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
