"""Text and Style score of the base and of every round: the same prompts, the same seeds."""

import base64
import statistics
import sys
from collections.abc import Sequence

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from data.candidates import from_parquet, to_parquet
from data.contact_sheet import Row, comparison_sheet
from data.drawing import drawing_of
from data.images import from_png, to_png
from data.records import AdapterRecord, EvaluationRecord, RoundScores, Run, Score
from data.store import Store
from tasks.caching import ONCE
from tasks.sampling import draw


@task(persist_result=True, result_serializer="json", cache_policy=ONCE)
def evaluate_round(run: Run, adapter: AdapterRecord | None) -> RoundScores:
    """Score what `adapter` draws for the evaluation prompts; without one, what the base draws.

    Text is the cosine of image and prompt, Style that of image and reference. Style alone says little:
    a collapsed adapter, which only repeats its reference, has the best.
    """
    round_number = adapter.round_number if adapter else 0
    # The round is no part of the purpose, so that every round starts from the same seeds.
    drawing = drawing_of(
        run,
        adapter,
        phrases=run.spec.evaluation_prompts,
        images_per_phrase=run.spec.images_per_evaluation_prompt,
        purpose="evaluation",
        settings=run.spec.evaluation_sampling,
    )
    samples = draw(drawing, f"runs/{run.key}/evaluation", f"evaluation of {_label(round_number)}")
    return RoundScores(
        round_number=round_number,
        text=_score([sample.text_score for sample in samples]),
        style=_score([sample.style_score for sample in samples]),
        samples=Store(run.store).write_blob(f"runs/{run.key}/evaluation", ".parquet", to_parquet(samples)),
    )


@task(persist_result=True, result_serializer="json")
def compare_rounds(run: Run, rounds: Sequence[RoundScores]) -> EvaluationRecord:
    """Put base and rounds side by side: a contact sheet in the store, sheet and table in the run's artifacts."""
    store = Store(run.store)
    rows = [Row(label="reference", images=[from_png(store.read_blob(example.image)) for example in run.references])]
    for scores in rounds:
        samples = from_parquet(store.read_blob(scores.samples))
        first_of_each = samples[:: run.spec.images_per_evaluation_prompt]
        rows.append(Row(label=_label(scores.round_number), images=[from_png(sample.image) for sample in first_of_each]))
        print(
            f"{_label(scores.round_number)}: Text {_words(scores.text)}, Style {_words(scores.style)}", file=sys.stderr
        )
    sheet = to_png(comparison_sheet(run.spec.evaluation_prompts, rows))
    create_table_artifact(
        key=f"scores-{run.key}",
        table=[
            {
                "": _label(scores.round_number),
                "Text ↑": _words(scores.text),
                "Style ↑": _words(scores.style),
            }
            for scores in rounds
        ],
        description=f"{run.spec.name}: {len(run.spec.evaluation_prompts)} prompts that were not tuned on",
    )
    create_markdown_artifact(
        key=f"rounds-{run.key}",
        markdown=f"![rounds](data:image/png;base64,{base64.b64encode(sheet).decode()})",
        description=f"{run.spec.name}: base and rounds, the same prompts and seeds",
    )
    return EvaluationRecord(
        rounds=tuple(rounds), contact_sheet=store.write_blob(f"runs/{run.key}/evaluation", ".png", sheet)
    )


def _label(round_number: int) -> str:
    return f"round {round_number}" if round_number else "base"


def _words(score: Score) -> str:
    return f"{score.mean:.3f} ± {score.standard_error:.3f}"


def _score(values: Sequence[float]) -> Score:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return Score(mean=statistics.fmean(values), standard_error=error)
