"""Publishing the last round's adapter with the evidence, and getting it back."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from prefect import State, task

import styledrop
from data.errors import StoreCorrupted, StoreError
from data.publication import download_version, publish_version
from data.records import AdapterRecord, EvaluationRecord, FeedbackRecord, PublishedAdapter, Run
from data.store import Store
from tasks.models import open_adapter, open_base
from tasks.work_folder import remove_work_folder


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
    evaluation: EvaluationRecord,
) -> PublishedAdapter:
    """Write the last of `adapters` with card, scores, contact sheet and decisions, and make it the current version.

    The same run publishes the same bytes: the card's date is the run's.
    """
    store = Store(run.store)
    base = open_base(run.spec.base)
    card = _card(run, adapters, feedback, evaluation)
    with tempfile.TemporaryDirectory() as folder:
        styledrop.save_adapter(open_adapter(adapters[-1].files, base), card, Path(folder))
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    files["contact_sheet.png"] = store.read_blob(evaluation.contact_sheet)
    files["evaluation.json"] = evaluation.model_dump_json(indent=2).encode()
    files["spec.json"] = run.spec.model_dump_json(indent=2).encode()
    for given in feedback:
        files[f"feedback/round-{given.round_number}.json"] = given.model_dump_json(indent=2).encode()
    published = publish_version(store, run.spec.name, files)
    remove_work_folder(run)
    return published


def load_published(uri: str, base_name: str = "embedded") -> styledrop.Adapter:
    """The published adapter at `uri` (a version, or a style for its current version), ready for `styledrop.sample`.

    Raises:
        NotInStore: if nothing is published there.
        StoreCorrupted: if a file is not the one that was published.
    """
    with tempfile.TemporaryDirectory() as folder:
        download_version(uri, Path(folder))
        return styledrop.load_adapter(Path(folder), open_base(base_name))


def _card(
    run: Run,
    adapters: Sequence[AdapterRecord],
    feedback: Sequence[FeedbackRecord],
    evaluation: EvaluationRecord,
) -> styledrop.Card:
    spec, base = run.spec, open_base(run.spec.base)
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
        guidance={
            "lambda_a": spec.evaluation_sampling.lambda_a,
            "lambda_b": spec.evaluation_sampling.lambda_b,
        },
        created=run.started_at.isoformat(),
    )
