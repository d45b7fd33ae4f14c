"""What each setting does to one held-out style: pictures and scores.

    python -m bench.ablations [--style NAME] [--parts guidance adapter …] [--base FOLDER] [--out FOLDER]

guidance   lambda_A x lambda_B on the adapter of round 1 (StyleDrop, App. B.3.1)
adapter    d_prj, shared over the layers or not
schedule   steps x learning rate of round 1
words      the descriptive phrase against a rare token (Sec. 4.4.2)
picks      how many candidates of CLIP's best round 2 is tuned on

Settings are not chosen by this: it is a held-out style, and it is looked at to report. Each part ends as a picture,
one row a setting, and as lines of a Parquet table. Images lie in OUT and are not drawn again.
"""

import argparse
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import styledrop
from bench.embedded import FIRST_ROUND, GUIDANCE, LATER_ROUNDS
from bench.style_bench import RARE_TOKEN, StyleBench, held_out_reference, summarize
from data.corpus.phrases import held_out_phrases
from data.documents.prompts import FEW_EVALUATION_PROMPTS
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png
from data.store.candidates import Candidate
from tasks.models import open_base
from tasks.onboarding.select_candidates import best_of_each_prompt

IMAGES_EACH = 2


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the style is tuned and drawn: round 1's way, but for what is named here."""

    name: str
    config: styledrop.Tuning = FIRST_ROUND
    guidance: styledrop.Guidance = GUIDANCE
    rare_token: bool = False
    picks: int = 0
    """Of CLIP's best candidates, that it is tuned on instead of the reference."""


PARTS: dict[str, list[Setting]] = {
    "guidance": [
        Setting(
            name=f"lambda_A {lambda_a:g}, lambda_B {lambda_b:g}",
            guidance=styledrop.Guidance(lambda_a=lambda_a, lambda_b=lambda_b),
        )
        for lambda_a, lambda_b in itertools.product((0.0, 0.5, 1.0, 2.0), (0.0, 1.5, 3.0, 5.0))
    ],
    "adapter": [
        Setting(
            name=f"d_prj {bottleneck}, {'shared' if shared else 'unshared'}",
            config=FIRST_ROUND.model_copy(update={"bottleneck": bottleneck, "share_across_layers": shared}),
        )
        for bottleneck, shared in itertools.product((1, 4, 12, 32), (True, False))
    ],
    "schedule": [
        Setting(
            name=f"rate {rate:g}, {steps} steps",
            config=FIRST_ROUND.model_copy(update={"learning_rate": rate, "steps": steps}),
        )
        for rate, steps in itertools.product((3e-4, 1e-3, 3e-3), (50, 100, 300))
    ],
    "words": [Setting(name="descriptive phrase"), Setting(name="rare token", rare_token=True)],
    "picks": [Setting(name=f"{count} picks", config=LATER_ROUNDS, picks=count) for count in (1, 3, 10, 30)],
}


def drawn(bench: StyleBench, setting: Setting) -> list[Candidate]:
    """The evaluation images of a setting."""
    phrase = RARE_TOKEN if setting.rare_token else bench.reference.style_phrase

    def draw() -> list[Candidate]:
        style = _tuned(bench, setting, phrase)
        return bench.draw(FEW_EVALUATION_PROMPTS, IMAGES_EACH, setting.name, style, phrase, setting.guidance)

    return bench.kept(setting.name.replace(" ", "-"), draw, setting)


def _tuned(bench: StyleBench, setting: Setting, phrase: str) -> styledrop.Tuned:
    if setting.picks:
        candidates = bench.candidates()
        best = sorted((candidates[i] for i in best_of_each_prompt(candidates, 1)), key=lambda c: -c.text_score)
        pairs = [(from_png(candidate.image), candidate.prompt) for candidate in best[: setting.picks]]
        return bench.tune("ablation", pairs, setting.config)
    if setting.config == FIRST_ROUND and not setting.rare_token:
        return bench.first_round
    return bench.tune("ablation", bench.reference_pairs(phrase), setting.config)


def main() -> None:
    """Draw all settings of the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.ablations")
    parser.add_argument("--style", default="streamline-cyber-color", choices=held_out_phrases())
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--base", default="embedded", help="folder of a base with clip/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where images and pictures go")
    arguments = parser.parse_args()
    reference = held_out_reference(arguments.style, open_base(arguments.base).size_px)
    bench = StyleBench(reference, arguments.base, arguments.out)
    lines: list[dict[str, str | float]] = []
    for part in arguments.parts:
        samples = {setting.name: drawn(bench, setting) for setting in PARTS[part]}
        scores = summarize([{name: bench.measure(of_setting) for name, of_setting in samples.items()}])
        rows = [Row(label="reference", images=[reference.image])]
        for name, of_setting in samples.items():
            rows.append(Row(label=name, images=[from_png(sample.image) for sample in of_setting[::IMAGES_EACH]]))
            lines.append({"part": part, "setting": name, **scores[name]})
            print(f"{part}: {name}: {scores[name]}", flush=True)
        path = arguments.out / f"ablation_{part}.png"
        comparison_sheet(FEW_EVALUATION_PROMPTS, rows).save(path)
        print(f"picture: {path}")
    pq.write_table(pa.Table.from_pylist(lines), arguments.out / "ablations.parquet")
    print(json.dumps(lines))


if __name__ == "__main__":
    main()
