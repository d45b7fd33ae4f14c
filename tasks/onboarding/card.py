"""The cards of a style's adapters: the one place where they are made."""

from collections.abc import Sequence

import styledrop
from data.records.feedback import Decision, FeedbackRecord
from data.records.onboarding import AdapterRecord, Run
from data.records.scores import EvaluationRecord, GuidanceRecord
from data.store.candidates import read_examples
from data.store.files import read_blob
from tasks.sampling import draw_seed


def tuned_card(run: Run, base: styledrop.Base, prompts: Sequence[str], *, seed: int) -> styledrop.Card:
    """The card of an adapter as it is tuned, without what may change before it is published, as licence or consent."""
    return styledrop.Card(
        name=run.spec.name,
        kind=run.spec.kind,
        base_name=base.name,
        base_sha256=base.sha256,
        prompts=tuple(prompts),
        seeds={"tuning": seed},
        created=run.started_at.isoformat(),
    )


def enlarging_card(run: Run, base: styledrop.Base) -> styledrop.Card:
    """The card of super-resolution's adapter when it is published."""
    prompts = [reference.prompt for reference in run.large_references]
    tuned = tuned_card(run, base.large, prompts, seed=draw_seed(run.spec.seed, "enlarging"))
    return _with_origin(run, tuned).model_copy(update={"guidance": {"lambda_a": 1.0, "lambda_b": 0.0}})


def published_card(
    run: Run,
    base: styledrop.Base,
    adapters: Sequence[AdapterRecord],
    feedback: Sequence[FeedbackRecord],
    guidance: GuidanceRecord,
    evaluation: EvaluationRecord,
    waiver: Decision | None,
) -> styledrop.Card:
    """The card of the last of `adapters` when it is published, with all rounds and with its scores."""
    spec, leak, verdict = run.spec, evaluation.leaks[-1], evaluation.verdict
    words = {about: {"published_by": waiver.reviewer} for about in evaluation.findings.doubts} if waiver else {}
    tuned_on = [
        [reference.prompt for reference in run.references],
        *(read_examples(read_blob(given.table), given.kept)[0] for given in feedback),
    ]
    card = _with_origin(run, tuned_card(run, base, tuned_on[-1], seed=spec.seed))
    about_leak = leak.score.model_dump() | {"threshold": leak.threshold} if leak else {}
    return card.model_copy(
        update={
            "seeds": {"spec": spec.seed},
            "guidance": {"lambda_a": guidance.lambda_a, "lambda_b": spec.evaluation_sampling.lambda_b},
            "feedback": spec.feedback if feedback else "",
            "rounds": tuple(
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
            "scorer_sha256": run.scorer_sha256,
            "leak": {**about_leak, **words.get("leak", {})},
            "verdict": {**(verdict.model_dump() if verdict else {}), **words.get("verdict", {})},
        }
    )


def _with_origin(run: Run, card: styledrop.Card) -> styledrop.Card:
    """The card with the references, their licence and consent."""
    references = tuple(
        styledrop.StyleReference(
            sha256=sha256,
            content_phrase=before,
            style_phrase=behind,
            content_phrase_from=run.origin(number),
            style_phrase_from=run.origin(0),
        )
        for number, ((before, behind), sha256) in enumerate(
            zip(run.spec.reference_words, run.reference_sha256, strict=True), start=1
        )
    )
    origin = {"references": references, "licence": run.spec.licence, "consent": run.spec.consent}
    return card.model_copy(update=origin)
