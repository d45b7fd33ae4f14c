"""Text and Style score of the base and of every round: the same prompts, the same seeds."""

from collections.abc import Sequence

from prefect import task

from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image
from data.records.onboarding import AdapterRecord, Run
from data.records.sampling_plan import SamplingPlan, plan_sampling
from data.records.scores import EvaluationRecord, RoundScores
from data.store.candidates import from_parquet
from data.store.files import Store
from tasks.onboarding.artifacts import artifact_key, trail
from tasks.reporting import log_stage, show_markdown, show_table
from tasks.resuming import cache_by
from tasks.scoring import COMPARED_BY, leak_of, round_label, score, score_cells, verdict_of
from tasks.training_log import log_samples


def _uses(run: Run, adapter: AdapterRecord | None, lambda_a: float | None = None) -> list[object]:
    return [run.place, adapter.round_number if adapter else 0, _plan(run, adapter, lambda_a).identity]


@task(persist_result=True, result_serializer="json", cache_policy=cache_by(_uses, __name__, *COMPARED_BY))
def evaluate_round(run: Run, adapter: AdapterRecord | None, lambda_a: float | None = None) -> RoundScores:
    """Score what `adapter` draws for the evaluation prompts; without one, what the base draws.

    `lambda_a` is what was chosen for the style; without it, the spec's.

    Text is the cosine of image and prompt, Style that of image and reference. Style alone says little:
    a collapsed adapter, which only repeats its reference, has the best.
    """
    round_number = adapter.round_number if adapter else 0
    plan = _plan(run, adapter, lambda_a)
    key = f"evaluation-{run.place_key}-round-{round_number}"
    return score(plan, f"{run.folder}/evaluation", round_number, key=key)


def _plan(run: Run, adapter: AdapterRecord | None, lambda_a: float | None) -> SamplingPlan:
    settings = run.spec.evaluation_sampling
    # The round is no part of the purpose, so that every round starts from the same seeds.
    return plan_sampling(
        run,
        adapter,
        prompts=run.spec.evaluation_prompts,
        images_per_phrase=run.spec.images_per_evaluation_prompt,
        purpose="evaluation",
        settings=settings if lambda_a is None else settings.model_copy(update={"lambda_a": lambda_a}),
    )


@task(persist_result=True, result_serializer="json")
def compare_rounds(run: Run, rounds: Sequence[RoundScores]) -> EvaluationRecord:
    """Put base and rounds side by side, and say whether the style was learnt.

    The contact sheet goes into the store, sheet and table into the run's artifacts.
    """
    store = Store(run.store)
    prompts = tuple(map(run.spec.phrase, run.spec.evaluation_prompts))
    images_per_prompt, likeness = run.spec.images_per_evaluation_prompt, run.spec.likeness
    references = [from_png(store.read_blob(example.image)) for example in run.references]
    samples = [from_parquet(store.read_blob(scores.samples)) for scores in rounds]
    first_of_each_prompt = [[from_png(sample.image) for sample in drawn[::images_per_prompt]] for drawn in samples]
    log_samples(run, first_of_each_prompt)
    blobs = [example.image for example in run.references]
    leaks = [leak_of(blobs, run.spec.reference_contents, drawn, samples[0]) for drawn in samples[1:]]
    labels = [round_label(scores.round_number) for scores in rounds]
    rows = [Row(label="reference", images=references)]
    rows += [Row(label=name, images=images) for name, images in zip(labels, first_of_each_prompt, strict=True)]
    sheet = store.write_blob(f"{run.folder}/evaluation", ".png", to_png(comparison_sheet(prompts, rows)))
    links = trail(run, len(rounds) - 1)
    picture = embedded_image(store.read_blob(sheet), "png", "reference, base and rounds")
    show_table(
        key=artifact_key(run, "scores"),
        table=[
            score_cells(name, scores, leak, prompts, images, likeness)
            for name, scores, leak, images in zip(labels, rounds, (None, *leaks), first_of_each_prompt, strict=True)
        ],
        description=f"{run.spec.name}: {len(prompts)} prompts that were not tuned on, {images_per_prompt} images each; "
        f"mean ± standard error. {links}",
    )
    show_markdown(
        key=artifact_key(run, "rounds"),
        markdown=f"{picture}\n\n{links}\n\n{sheet.uri}",
        description=f"{run.spec.name}: base and rounds, the same prompts and seeds",
    )
    for name, scores, leak in zip(labels, rounds, (None, *leaks), strict=True):
        leaks_so = f", leak {leak.in_words}" if leak else ""
        log_stage(f"{name}: Text {scores.text.in_words}, {likeness} {scores.style.in_words}{leaks_so}")
    verdict = verdict_of(samples[-1], samples[0], likeness)
    log_stage(f"{run.spec.name}: {verdict.in_words}")
    return EvaluationRecord(rounds=tuple(rounds), leaks=tuple(leaks), verdict=verdict, contact_sheet=sheet)
