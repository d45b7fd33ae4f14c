"""λ_A of a style, by a small sweep on candidates' prompts."""

from prefect import task
from prefect.artifacts import create_table_artifact

from data.guidance import IMAGES_PER_PROMPT, LAMBDAS_A, PROMPTS, best_lambda_a
from data.records.run import AdapterRecord, GuidanceRecord, Run, Score, TriedLambdaA
from data.records.sampling_plan import plan_sampling
from data.store.candidates import Candidate
from tasks.caching import CACHE_BY_INPUT
from tasks.leak import leak_of
from tasks.links import guidance_key
from tasks.sampling import draw
from tasks.say import log_stage


@task(persist_result=True, result_serializer="json", cache_policy=CACHE_BY_INPUT)
def choose_guidance(run: Run, adapter: AdapterRecord) -> GuidanceRecord:
    """Draw a few images at each of several λ_A, and take the best that loses nothing (`data.guidance`).

    A λ_A that stands in the spec is taken as it is.
    """
    wanted = run.spec.evaluation_sampling.lambda_a
    if wanted is not None:
        return GuidanceRecord(lambda_a=wanted, tried=())
    references = [example.image for example in run.references]
    by_base = _draw(run, None, LAMBDAS_A[0])
    tried = []
    for lambda_a in LAMBDAS_A:
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
    create_table_artifact(
        key=guidance_key(run),
        table=[
            {
                "λ_A": f"{one.lambda_a}{' (chosen)' if one.lambda_a == chosen else ''}",
                "Text ↑": one.text.in_words,
                "Style ↑": one.style.in_words,
                "Leak ↓": one.leak.in_words if one.leak else "unknown",
            }
            for one in tried
        ],
        description=f"{run.spec.name}: of the λ_A that neither leak nor cost more Text than chance, image by "
        f"image, the one with the best Style; mean ± standard error of {len(by_base)} images each",
    )
    log_stage(f"λ_A {chosen} of {', '.join(str(one.lambda_a) for one in tried)}")
    return GuidanceRecord(lambda_a=chosen, tried=tuple(tried))


def _draw(run: Run, adapter: AdapterRecord | None, lambda_a: float) -> list[Candidate]:
    plan = plan_sampling(
        run,
        adapter,
        phrases=run.spec.prompts[:PROMPTS],
        images_per_phrase=IMAGES_PER_PROMPT,
        purpose="guidance",
        settings=run.spec.evaluation_sampling.model_copy(update={"lambda_a": lambda_a}),
    )
    what = f"λ_A {lambda_a}" if adapter else "the base, beside each λ_A"
    return draw(plan, f"runs/{run.key}/guidance", what, key=f"lambda-a-{plan.digest}-progress")
