"""Publishing the last round's adapter with the evidence."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import State, task
from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext

import styledrop
from data.errors import DecisionRefused, StoreCorrupted, StoreError
from data.pictures.images import from_png
from data.pictures.markdown import MAX_THUMBNAILS, table, thumbnail
from data.records.feedback import Decision, FeedbackRecord
from data.records.onboarding import AdapterRecord, EnlargingRecord, PublishedAdapter, Run
from data.records.scores import EvaluationRecord, GuidanceRecord, Leak
from data.store.files import Store, read_blob
from data.store.publication import publish_version
from data.store.published_style import SUPER_RESOLUTION_FOLDER
from tasks.models import open_adapter, open_base
from tasks.onboarding.artifacts import card_key, trail
from tasks.reporting import log_stage
from tasks.resuming import remove_work_folder


def _is_worth_a_retry(_: object, __: object, state: State[object]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, StoreError) and not isinstance(error, StoreCorrupted)


@task(
    persist_result=True,
    result_serializer="json",
    retries=3,
    retry_delay_seconds=[1, 5, 20],
    retry_condition_fn=_is_worth_a_retry,
)
def publish(
    run: Run,
    adapters: Sequence[AdapterRecord],
    feedback: Sequence[FeedbackRecord],
    guidance: GuidanceRecord,
    evaluation: EvaluationRecord,
    leak_waiver: Decision | None,
    enlarging: EnlargingRecord | None,
) -> PublishedAdapter:
    """Write the last of `adapters` with card, scores, contact sheet and decisions, and make it the current version.

    Super-resolution's adapter lies beside it in `super_resolution/`, for `Base.large`.

    `leak_waiver` is the decision of a person who lets an adapter be published although the reference's content shows in
    what it draws. The same run publishes the same bytes: the card's date is the run's.

    Raises:
        DecisionRefused: if the content shows and there is no such waiver.
    """
    leak = evaluation.leaks[-1]
    if leak is not None and leak.is_high and (leak_waiver is None or leak_waiver.decision == "reject"):
        raise DecisionRefused(f"expected a person's word that this may be published, got none; leak {leak.in_words}")
    store = Store(run.store)
    base = open_base(run.spec.base)
    card = _card(run, adapters, feedback, guidance, evaluation, leak_waiver)
    with tempfile.TemporaryDirectory() as folder:
        styledrop.save_adapter(open_adapter(adapters[-1].files, base), card, Path(folder))
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    if enlarging is not None:
        files |= {f"{SUPER_RESOLUTION_FOLDER}{name}": read_blob(blob) for name, blob in enlarging.files.items()}
        files["enlarged.png"] = read_blob(enlarging.contact_sheet)
    files["contact_sheet.png"] = store.read_blob(evaluation.contact_sheet)
    files["evaluation.json"] = evaluation.model_dump_json(indent=2).encode()
    references = [example.model_dump(mode="json") for example in run.references]
    files["guidance.json"] = guidance.model_dump_json(indent=2).encode()
    files["references.json"] = json.dumps(references, indent=2).encode()
    files["spec.json"] = run.spec.model_dump_json(indent=2).encode()
    for given in feedback:
        files[f"feedback/round-{given.round_number}.json"] = given.model_dump_json(indent=2).encode()
    if leak_waiver is not None:
        files["word.json"] = leak_waiver.model_dump_json(indent=2).encode()
    published = publish_version(store, run.spec.name, files)
    if TaskRunContext.get() is not None:
        _show_card(run, json.loads(files["card.json"]), leak, leak_waiver, published)
    remove_work_folder(run)
    minutes = (datetime.now(UTC) - run.started_at).total_seconds() / 60
    log_stage(f"published: {published.uri}, {minutes:.0f} minutes after the run was opened")
    return published


def _show_card(
    run: Run, card: Mapping[str, Any], leak: Leak | None, leak_waiver: Decision | None, published: PublishedAdapter
) -> None:
    references = [from_png(read_blob(example.image)) for example in run.references]
    rounds = [
        {
            "round": str(of_round["round"]),
            "images": str(of_round["examples"]),
            "steps": str(of_round["steps"]),
            "parameters": f"{of_round['parameters']:,}",
            "final loss": f"{of_round['final_loss']:.3f}",
            "seconds": f"{of_round['seconds']:.0f}",
            "Text ↑": f"{of_round['text']['mean']:.3f} ± {of_round['text']['standard_error']:.3f}",
            "Style ↑": f"{of_round['style']['mean']:.3f} ± {of_round['style']['standard_error']:.3f}",
        }
        for of_round in card["rounds"]
    ]
    facts = {
        "version": published.uri,
        "licence": card["licence"],
        "consent": card["consent"],
        "feedback": card["feedback"] or "none",
        "base": f"{card['base_name']} ({card['base_sha256'][:12]})",
        "sampling": f"λ_A {card['guidance']['lambda_a']}, λ_B {card['guidance']['lambda_b']}",
        "leak": f"{leak.in_words}{f'; {leak_waiver.reviewer} lets it be published' if leak_waiver else ''}"
        if leak
        else "unknown",
    }
    create_markdown_artifact(
        key=card_key(run),
        markdown="\n\n".join(
            [
                f"# {published.name}",
                " ".join(thumbnail(image, "reference") for image in references[:MAX_THUMBNAILS]),
                f"*{run.spec.style_phrase}*",
                table([{"": name, "value": value} for name, value in facts.items()]),
                table(rounds),
                trail(run, len(rounds)),
            ]
        ),
        description=f"{published.name}: published as version {published.version}",
    )


def _card(
    run: Run,
    adapters: Sequence[AdapterRecord],
    feedback: Sequence[FeedbackRecord],
    guidance: GuidanceRecord,
    evaluation: EvaluationRecord,
    leak_waiver: Decision | None,
) -> styledrop.Card:
    spec, base, leak = run.spec, open_base(run.spec.base), evaluation.leaks[-1]
    tuned_on = [run.references, *(given.examples for given in feedback)]
    return styledrop.Card(
        name=spec.name,
        base_name=base.name,
        base_sha256=base.sha256,
        references=tuple(
            styledrop.StyleReference(
                sha256=sha256, content_phrase=reference.content_phrase, style_phrase=reference.style_phrase
            )
            for reference, sha256 in zip(spec.references, run.reference_sha256, strict=True)
        ),
        prompts=tuple(example.prompt for example in tuned_on[-1]),
        licence=spec.licence,
        consent=spec.consent,
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
        seeds={"spec": spec.seed},
        guidance={"lambda_a": guidance.lambda_a, "lambda_b": spec.evaluation_sampling.lambda_b},
        leak={
            **(leak.score.model_dump() | {"threshold": leak.threshold} if leak else {}),
            **({"published_by": leak_waiver.reviewer} if leak_waiver else {}),
        },
        created=run.started_at.isoformat(),
    )
