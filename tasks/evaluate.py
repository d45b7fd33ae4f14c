"""Text and Style score of the base and of every round: the same prompts, the same seeds."""

import base64
import statistics
import sys
from collections.abc import Sequence

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from data.candidates import Candidate, from_parquet, to_parquet
from data.contact_sheet import Row, comparison_sheet
from data.images import from_png, to_png
from data.records import AdapterRecord, EvaluationRecord, RoundScores, Run, Score
from data.store import Store
from tasks.caching import ONCE
from tasks.models import open_adapter, open_base, open_scorer
from tasks.progress import Progress
from tasks.sampling import draw_and_score, in_batches, wanted_images


@task(persist_result=True, result_serializer="json", cache_policy=ONCE)
def evaluate_round(run: Run, adapter: AdapterRecord | None) -> RoundScores:
    """Score what `adapter` draws for the evaluation prompts; without one, what the base draws.

    Text is the cosine of image and prompt, Style that of image and reference. Style alone says little:
    a collapsed adapter, which only repeats its reference, has the best.
    """
    base = open_base(run.spec.base)
    scorer = open_scorer(run.spec.base)
    store = Store(run.store)
    style = open_adapter(adapter, store, base) if adapter else None
    round_number = adapter.round_number if adapter else 0
    references = [from_png(store.read_blob(example.image)) for example in run.references]
    # The round is no part of the purpose, so that every round starts from the same seeds.
    wanted = wanted_images(run.spec, run.spec.evaluation_prompts, run.spec.images_per_evaluation_prompt, "evaluation")
    samples: list[Candidate] = []
    with Progress(f"evaluation of {_label(round_number)}", len(wanted)) as progress:
        for batch in in_batches(wanted):
            samples += draw_and_score(
                base,
                batch,
                style=style,
                settings=run.spec.evaluation_sampling,
                scorer=scorer,
                references=references,
                progress=progress,
            )
    return RoundScores(
        round_number=round_number,
        text=_score([sample.text_score for sample in samples]),
        style=_score([sample.style_score for sample in samples]),
        samples=store.write_blob(f"runs/{run.key}/evaluation", ".parquet", to_parquet(samples)),
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
