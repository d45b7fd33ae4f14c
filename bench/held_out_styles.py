"""Do the rounds learn styles that no training saw? Text and Style score on five held-out icon sets.

    python -m bench.held_out_styles [--base FOLDER] [--out FOLDER]

Each style goes through the pipeline's own tasks with its default settings: round 1 is tuned on one
reference (bench/references), CLIP keeps the best candidate of each prompt, and round 2, a new
adapter, is tuned on those. Then base, round 1 and round 2 ("clip") draw the evaluation prompts from
the same seeds; none of them is a candidates' prompt or shows what the reference shows.

Means and standard errors are over the images of all styles, pooled (StyleDrop, Tab. 2). The error
is that of independent images: it says how much another set of seeds may change the mean, not
another set of styles.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.candidates import Candidate, from_parquet
from data.contact_sheet import Row, comparison_sheet
from data.images import from_png
from data.spec import StyleReference, StyleSpec
from data.store import Store
from tasks.evaluate import evaluate_round
from tasks.give_feedback import keep_candidates
from tasks.prepare import prepare
from tasks.sample_candidates import sample_candidates
from tasks.tokenize import tokenize
from tasks.tune import tune
from tasks.work_folder import remove_work_folder

REFERENCES = Path(__file__).parent / "references"
ROUNDS = ("base", "round_1", "clip")
IMAGES_PER_EVALUATION_PROMPT = 4

Samples = Mapping[str, Sequence[Candidate]]
"""The scored images of each of `ROUNDS`."""


def held_out_specs(base: str, store: str) -> list[StyleSpec]:
    """A spec for each reference; whatever is not about the reference is the pipeline's default."""
    return [
        StyleSpec(
            name=entry["style"],
            references=(
                StyleReference(
                    uri=str(REFERENCES / entry["file"]),
                    content_phrase=entry["content_phrase"],
                    style_phrase=f"in {entry['style_phrase']} style",
                ),
            ),
            licence=entry["licence"],
            consent="by its licence, see bench/references/CREDITS.md",
            store=store,
            base=base,
            images_per_evaluation_prompt=IMAGES_PER_EVALUATION_PROMPT,
        )
        for entry in json.loads((REFERENCES / "references.json").read_text(encoding="utf-8"))
    ]


def measure(spec: StyleSpec, sheet: Path) -> Samples:
    """Tune two rounds and evaluate them and the base; write reference, base and rounds to `sheet`."""
    run = prepare.fn(spec)
    try:
        first = tune.fn(run, 1, tokenize.fn(run, run.references))
        feedback = keep_candidates.fn(run, sample_candidates.fn(run, first), None)
        second = tune.fn(run, 2, tokenize.fn(run, feedback.examples))
        scores = [evaluate_round.fn(run, adapter) for adapter in (None, first, second)]
    finally:
        remove_work_folder(run)
    store = Store(run.store)
    samples = {
        name: from_parquet(store.read_blob(of_round.samples)) for name, of_round in zip(ROUNDS, scores, strict=True)
    }
    rows = [Row(label="reference", images=[from_png(store.read_blob(example.image)) for example in run.references])]
    for name, drawn in samples.items():
        first_of_each = drawn[:: spec.images_per_evaluation_prompt]
        rows.append(Row(label=name, images=[from_png(sample.image) for sample in first_of_each]))
    sheet.parent.mkdir(parents=True, exist_ok=True)
    comparison_sheet(spec.evaluation_prompts, rows).save(sheet)
    return samples


def summarize(of_styles: Sequence[Samples]) -> dict[str, dict[str, float]]:
    """Mean and standard error of Text and Style for each of `ROUNDS`, over the images of all styles."""
    pooled = {name: [sample for samples in of_styles for sample in samples[name]] for name in ROUNDS}
    return {
        name: {
            **_mean_and_error("text", [sample.text_score for sample in samples]),
            **_mean_and_error("style", [sample.style_score for sample in samples]),
        }
        for name, samples in pooled.items()
    }


def _mean_and_error(name: str, values: Sequence[float]) -> dict[str, float]:
    error = statistics.stdev(values) / len(values) ** 0.5
    return {name: round(statistics.fmean(values), 4), f"{name}_se": round(error, 4)}


def _print_table(title: str, summary: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{title}")
    for name, score in summary.items():
        print(
            f"  {name:8} Text {score['text']:.3f} ± {score['text_se']:.3f}"
            f"   Style {score['style']:.3f} ± {score['style_se']:.3f}",
            flush=True,
        )


def main() -> None:
    """Measure all held-out styles and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.held_out_styles")
    parser.add_argument("--base", default="embedded", help="folder of a base with a clip/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the contact sheets go")
    arguments = parser.parse_args()
    of_styles = []
    with tempfile.TemporaryDirectory() as store:
        for spec in held_out_specs(arguments.base, store):
            sheet = arguments.out / f"held_out_{spec.name}.png"
            of_styles.append(measure(spec, sheet))
            _print_table(f"{spec.name} ({sheet})", summarize(of_styles[-1:]))
    summary = summarize(of_styles)
    _print_table(f"all {len(of_styles)} styles", summary)
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
