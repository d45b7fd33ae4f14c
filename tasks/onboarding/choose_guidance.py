"""How far towards a style its images are drawn: λ_A, chosen once for each style.

A larger λ_A shows more of the style, and at some point the reference instead of what was asked for, or broken images
that show neither. So of those that lose nothing the one is taken whose images have the best Style score. A λ_A loses
nothing if its leak (`styledrop.leak`) is not above the threshold, and its Text score is below the best of those that do
not leak by no more than chance. Every λ_A draws the same prompts from the same seeds, so chance is the standard error
of what each image loses: a loss that all of them have is not hidden by how much prompts differ. λ_B stays what the spec
says.
"""

from collections.abc import Sequence

from prefect import task

from data.documents.defaults import of_base
from data.records.onboarding import AdapterRecord, Run
from data.records.sampling_plan import SamplingPlan, plan_sampling
from data.records.scores import GuidanceRecord, TriedLambdaA
from data.records.version import Score
from data.store.candidates import Candidate
from tasks.onboarding.artifacts import artifact_key
from tasks.reporting import log_stage, show_table
from tasks.resuming import cache_by
from tasks.sampling import draw
from tasks.scoring import COMPARED_BY, leak_of

PROMPTS = 8
"""Of the candidates' prompts, so never of the evaluation's."""

IMAGES_PER_PROMPT = 2


def _uses(run: Run, adapter: AdapterRecord) -> list[object]:
    wanted = run.spec.evaluation_sampling.lambda_a
    lambdas_a = of_base(run.spec.base).lambdas_a
    tried = [_plan(run, adapter, lambda_a).identity for lambda_a in lambdas_a] if wanted is None else []
    return [run.place, wanted, tried, sorted(run.spec.reference_contents)]


@task(persist_result=True, result_serializer="json", cache_policy=cache_by(_uses, __name__, *COMPARED_BY))
def choose_guidance(run: Run, adapter: AdapterRecord) -> GuidanceRecord:
    """Draw a few images at each of several λ_A, and take the best that loses nothing (see above).

    A λ_A that stands in the spec is taken as it is.
    """
    wanted = run.spec.evaluation_sampling.lambda_a
    if wanted is not None:
        return GuidanceRecord(lambda_a=wanted, tried=())
    references = [example.image for example in run.references]
    lambdas_a = of_base(run.spec.base).lambdas_a
    by_base = _draw(run, None, lambdas_a[0])
    tried = []
    for lambda_a in lambdas_a:
        drawn = _draw(run, adapter, lambda_a)
        texts = [image.text_score for image in drawn]
        tried.append(
            TriedLambdaA(
                lambda_a=lambda_a,
                text=Score.of(texts),
                style=Score.of([image.style_score for image in drawn]),
                leak=leak_of(references, run.spec.reference_contents, drawn, by_base),
                text_of_images=tuple(texts),
            )
        )
    chosen = best_lambda_a(tried)
    show_table(
        key=artifact_key(run, "guidance"),
        table=[
            {
                "λ_A": f"{one.lambda_a}{' (chosen)' if one.lambda_a == chosen else ''}",
                "Text ↑": one.text.in_words,
                f"{run.spec.likeness} ↑": one.style.in_words,
                "Leak ↓": one.leak.in_words if one.leak else "unknown",
            }
            for one in tried
        ],
        description=f"{run.spec.name}: of the λ_A that neither leak nor cost more Text than chance, image by "
        f"image, the one with the best Style; mean ± standard error of {len(by_base)} images each",
    )
    log_stage(f"λ_A {chosen} of {', '.join(str(one.lambda_a) for one in tried)}")
    return GuidanceRecord(lambda_a=chosen, tried=tuple(tried))


def best_lambda_a(tried: Sequence[TriedLambdaA]) -> float:
    """The λ_A of the best Style score that loses nothing (see above); if all leak, the smallest."""
    clean = [one for one in tried if one.leak is None or not one.leak.is_high]
    if not clean:
        return min(one.lambda_a for one in tried)
    best = max(clean, key=lambda one: one.text.mean)
    return max((one for one in clean if _is_as_good(one, best)), key=lambda one: one.style.mean).lambda_a


def _is_as_good(one: TriedLambdaA, best: TriedLambdaA) -> bool:
    loss = Score.of([of_best - text for of_best, text in zip(best.text_of_images, one.text_of_images, strict=True)])
    return loss.mean <= loss.standard_error


def _draw(run: Run, adapter: AdapterRecord | None, lambda_a: float) -> list[Candidate]:
    plan = _plan(run, adapter, lambda_a)
    what = f"λ_A {lambda_a}" if adapter else "the base, beside each λ_A"
    return draw(plan, f"{run.folder}/guidance", what, key=f"lambda-a-{plan.digest}-progress")


def _plan(run: Run, adapter: AdapterRecord | None, lambda_a: float) -> SamplingPlan:
    return plan_sampling(
        run,
        adapter,
        prompts=run.spec.prompts[:PROMPTS],
        images_per_phrase=IMAGES_PER_PROMPT,
        purpose="guidance",
        settings=run.spec.evaluation_sampling.model_copy(update={"lambda_a": lambda_a}),
    )
