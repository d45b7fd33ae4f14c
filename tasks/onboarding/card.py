"""The cards of a style's adapters: the one place where they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import styledrop
from data.records.feedback import Decision, FeedbackRecord
from data.records.onboarding import AdapterRecord, Run
from data.records.scores import EvaluationRecord, GuidanceRecord
from data.store.examples import read_examples
from data.store.files import read_blob


def tuned_card(
    run: Run,
    base: styledrop.Base,
    prompts: Sequence[str],
    *,
    seeds: Mapping[str, int],
    guidance: Mapping[str, float],
) -> styledrop.Card:
    """What can be said of an adapter when it is tuned: whose it is, for which `base`, and on which `prompts`."""
    return styledrop.Card(
        name=run.spec.name,
        base_name=base.name,
        base_sha256=base.sha256,
        references=tuple(
            styledrop.StyleReference(
                sha256=sha256, content_phrase=reference.content_phrase, style_phrase=reference.style_phrase
            )
            for reference, sha256 in zip(run.spec.references, run.reference_sha256, strict=True)
        ),
        prompts=tuple(prompts),
        licence=run.spec.licence,
        consent=run.spec.consent,
        seeds=seeds,
        guidance=guidance,
        created=run.started_at.isoformat(),
    )


def published_card(
    run: Run,
    base: styledrop.Base,
    adapters: Sequence[AdapterRecord],
    feedback: Sequence[FeedbackRecord],
    guidance: GuidanceRecord,
    evaluation: EvaluationRecord,
    leak_waiver: Decision | None,
) -> styledrop.Card:
    """What can be said of the last of `adapters` when it is published: how it came about, too, and how it does."""
    spec, leak, verdict = run.spec, evaluation.leaks[-1], evaluation.verdict
    tuned_on = [
        [reference.prompt for reference in run.references],
        *(read_examples(read_blob(given.table), given.kept)[0] for given in feedback),
    ]
    tuned = tuned_card(
        run,
        base,
        tuned_on[-1],
        seeds={"spec": spec.seed},
        guidance={"lambda_a": guidance.lambda_a, "lambda_b": spec.evaluation_sampling.lambda_b},
    )
    return replace(
        tuned,
        feedback=spec.feedback if feedback else "",
        rounds=tuple(
            {
                "round": adapter.round_number,
                "examples": len(tuned_on[adapter.round_number - 1]),
                "views": spec.reference_views if adapter.round_number == 1 else 1,
                **spec.tuning(adapter.round_number).model_dump(),
                "parameters": adapter.parameters,
                "final_loss": adapter.final_loss,
                "seconds": adapter.seconds,
                "text": scores.text.model_dump(),
                "style": scores.style.model_dump(),
            }
            for adapter, scores in zip(adapters, evaluation.rounds[1:], strict=True)
        ),
        leak={
            **(leak.score.model_dump() | {"threshold": leak.threshold} if leak else {}),
            **({"published_by": leak_waiver.reviewer} if leak_waiver else {}),
        },
        verdict=verdict.model_dump() if verdict else {},
    )
