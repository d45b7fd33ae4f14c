"""Publishing the last round's adapter with the evidence."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import State, task
from prefect.context import TaskRunContext

import styledrop
from data.errors import DecisionRefused, StoreCorrupted, StoreError
from data.pictures.images import from_png
from data.pictures.markdown import MAX_THUMBNAILS, table, thumbnail
from data.records.feedback import Decision, FeedbackRecord
from data.records.onboarding import AdapterRecord, EnlargingRecord, PublishedAdapter, Run, TunedRecord
from data.records.record import Blob
from data.records.scores import EvaluationRecord, Gain, GuidanceRecord, RoundScores
from data.records.version import VersionDocument, VersionReference, VersionRound, VersionScores
from data.store.candidates import from_parquet
from data.store.files import Store, read_blob
from data.store.publication import current_version, publish_version
from data.store.published_style import DOCUMENT, OLD_AND_NEW, PHRASES, SUPER_RESOLUTION_FOLDER, without_addresses
from tasks.models import open_adapter, open_base
from tasks.onboarding.artifacts import artifact_key, trail
from tasks.onboarding.card import enlarging_card, published_card
from tasks.onboarding.readme import readme
from tasks.reporting import log_stage, show_markdown
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
    waiver: Decision | None,
    enlarging: EnlargingRecord | None,
) -> PublishedAdapter:
    """Write the last of `adapters` as a version that stands alone, and make it the current one.

    If a version is current whose run was started later, that one stays.

    `waiver` is the decision of a person who lets an adapter be published whatever doubts there are about it. The same
    run publishes the same bytes: the card's date is the run's.

    Raises:
        DecisionRefused: if there are doubts and no such waiver, of exactly these images and these findings.
        StyleWithdrawn: if the style was taken back.
    """
    _refuse_unseen_doubts(evaluation, waiver)
    base = open_base(run.spec.base)
    card = published_card(run, base, adapters, feedback, guidance, evaluation, waiver)
    files = _files(run, base, card, adapters, feedback, guidance, evaluation, waiver, enlarging)
    published = publish_version(Store(run.store), run.spec.name, files, asked_at=run.started_at, by=f"run {run.key}")
    if TaskRunContext.get() is not None:
        _show_card(run, json.loads(files["card.json"]), evaluation, waiver, published)
    remove_work_folder(run)
    _log_end(run, evaluation, published)
    return published


def _refuse_unseen_doubts(evaluation: EvaluationRecord, waiver: Decision | None) -> None:
    findings = evaluation.findings
    if not findings.doubts:
        return
    doubts = "; ".join(findings.doubts.values())
    if waiver is None or waiver.decision != "publish":
        got = "none" if waiver is None else f"{waiver.decision!r}"
        raise DecisionRefused(f"expected a person's word that this may be published, got {got}; {doubts}")
    if (waiver.candidates_sha256, waiver.digest) != (evaluation.rounds[-1].samples.sha256, findings.digest):
        raise DecisionRefused(
            f"expected a word on these images and these findings ({'; '.join(findings.lines)}), got one of "
            f"{waiver.reviewer} on others ({'; '.join(waiver.lines)}); ask again"
        )


def _files(
    run: Run,
    base: styledrop.Base,
    card: styledrop.Card,
    adapters: Sequence[AdapterRecord],
    feedback: Sequence[FeedbackRecord],
    guidance: GuidanceRecord,
    evaluation: EvaluationRecord,
    waiver: Decision | None,
    enlarging: EnlargingRecord | None,
) -> dict[str, bytes]:
    """The files of a version by path. They refer to each other only, never to the folder of the run."""
    files: dict[str, bytes] = {}

    def keep(path: str, blob: Blob) -> Blob:
        files[path] = read_blob(blob)
        return blob.model_copy(update={"uri": path})

    def keep_all(folder: str, blobs: Iterable[Blob]) -> list[str]:
        return [keep(f"{folder}{number}.png", blob).uri for number, blob in enumerate(blobs)]

    def save(path: str, tuned: TunedRecord, on: styledrop.Base, described: styledrop.Card) -> tuple[str, ...]:
        with tempfile.TemporaryDirectory() as folder:
            styledrop.save_adapter(open_adapter(tuned.files, on), described, Path(folder))
            written = {f"{path}{file.name}": file.read_bytes() for file in sorted(Path(folder).iterdir())}
        files.update(written)
        return tuple(written)

    adapter_files = save("", adapters[-1], base, card)
    enlarging_files: tuple[str, ...] = ()
    if enlarging is not None:
        keep("enlarged.png", enlarging.contact_sheet)
        enlarging_files = save(SUPER_RESOLUTION_FOLDER, enlarging.adapter, base.large, enlarging_card(run, base))

    references = keep_all("references/", (example.image for example in run.references))
    large_references = keep_all("references/large-", (example.image for example in run.large_references))
    before, after = (
        _keep_pictures(files, f"samples/{label}", of_round)
        for label, of_round in (("base", evaluation.rounds[0]), ("style", evaluation.rounds[-1]))
    )
    scored = evaluation.model_copy(
        update={
            "contact_sheet": keep("contact_sheet.png", evaluation.contact_sheet),
            "rounds": tuple(
                of_round.model_copy(
                    update={"samples": keep(f"samples/round-{of_round.round_number}.parquet", of_round.samples)}
                )
                for of_round in evaluation.rounds
            ),
            "rebuilt": evaluation.rebuilt
            and evaluation.rebuilt.model_copy(update={"sheet": keep(OLD_AND_NEW, evaluation.rebuilt.sheet)}),
        }
    )
    files["evaluation.json"] = scored.model_dump_json(indent=2).encode()
    for given in feedback:
        where = f"feedback/round-{given.round_number}"
        kept = given.model_copy(update={"table": keep(f"{where}.parquet", given.table)})
        files[f"{where}.json"] = kept.model_dump_json(indent=2).encode()
    if waiver is not None:
        files["word.json"] = waiver.model_dump_json(indent=2).encode()
    if run.said_phrases:
        files[PHRASES] = json.dumps([one.model_dump(mode="json") for one in run.said_phrases], indent=2).encode()
    files["guidance.json"] = guidance.model_dump_json(indent=2).encode()
    spec = without_addresses(run.spec.model_dump(mode="json"))
    files["spec.json"] = json.dumps(spec, indent=2, ensure_ascii=False).encode()
    lineage = _lineage(run, adapters, feedback, hashlib.sha256(files[adapters[-1].weights]).hexdigest())
    document = _document(
        run, card, guidance, evaluation, references, large_references, adapter_files, enlarging_files, lineage
    )
    files[DOCUMENT] = document.model_dump_json(indent=2).encode()
    files["README.md"] = readme(run, card, evaluation, references, before, after).encode()
    return files


def _keep_pictures(files: dict[str, bytes], folder: str, scores: RoundScores) -> dict[str, str]:
    """Put the first image of each prompt into `folder` of the version; gives their paths by content phrase."""
    paths: dict[str, str] = {}
    for sample in from_parquet(read_blob(scores.samples)):
        if sample.content_phrase not in paths:
            paths[sample.content_phrase] = f"{folder}/{sample.file_name}"
            files[paths[sample.content_phrase]] = sample.image
    return paths


def _document(
    run: Run,
    card: styledrop.Card,
    guidance: GuidanceRecord,
    evaluation: EvaluationRecord,
    references: Sequence[str],
    large_references: Sequence[str],
    adapter: tuple[str, ...],
    enlarging: tuple[str, ...],
    lineage: tuple[VersionRound, ...],
) -> VersionDocument:
    leak, verdict, rebuilt = evaluation.leaks[-1], evaluation.verdict, evaluation.rebuilt

    def both(of: RoundScores | Gain) -> VersionScores:
        return VersionScores(text=of.text, style=of.style)

    return VersionDocument(
        name=card.name,
        created=run.started_at,
        base_name=card.base_name,
        base_sha256=card.base_sha256,
        scorer_sha256=run.scorer_sha256,
        style_phrase=run.spec.style_phrase,
        kind=run.spec.kind,
        class_word=run.spec.phrase("") if run.spec.kind == "subject" else "",
        rare_token=run.spec.token,
        references=tuple(
            VersionReference(
                content_phrase=reference.content_phrase,
                style_phrase=reference.style_phrase,
                content_phrase_from=reference.content_phrase_from,
                style_phrase_from=reference.style_phrase_from,
                source_sha256=reference.sha256,
                prompt=example.prompt,
                image=image,
                large_image=large_image,
            )
            for reference, example, image, large_image in zip(
                card.references, run.references, references, large_references or [""] * len(references), strict=True
            )
        ),
        tuned_on=(
            *(reference.content_phrase for reference in card.references),
            *map(run.spec.phrase, run.spec.prompts),
        ),
        rounds=len(card.rounds),
        method=run.spec.tuning(len(card.rounds)).method,
        lambda_a=guidance.lambda_a,
        adapter=adapter,
        enlarging=enlarging,
        before=both(evaluation.rounds[0]),
        after=both(evaluation.rounds[-1]),
        leak=leak.score if leak else None,
        verdict=verdict.label if verdict else "",
        gain=both(verdict) if verdict else None,
        rebuilt_from=rebuilt.version if rebuilt else "",
        over_old=both(rebuilt.gain) if rebuilt else None,
        lineage=lineage,
    )


def _lineage(
    run: Run, adapters: Sequence[AdapterRecord], feedback: Sequence[FeedbackRecord], published_sha256: str
) -> tuple[VersionRound, ...]:
    made = [*(adapter.files[adapter.weights].sha256 for adapter in adapters[:-1]), published_sha256]
    tuned_on = [[reference.image.sha256 for reference in run.references], *(_kept_sha256(given) for given in feedback)]
    return tuple(
        VersionRound(
            number=adapter.round_number,
            adapter_sha256=sha256,
            parent_sha256=parent,
            tuned_on_sha256=tuple(images),
        )
        for adapter, sha256, parent, images in zip(adapters, made, ["", *made[:-1]], tuned_on, strict=True)
    )


def _kept_sha256(feedback: FeedbackRecord) -> list[str]:
    rows = from_parquet(read_blob(feedback.table))
    return [hashlib.sha256(rows[number].image).hexdigest() for number in feedback.kept]


def _log_end(run: Run, evaluation: EvaluationRecord, published: PublishedAdapter) -> None:
    minutes = (datetime.now(UTC) - run.started_at).total_seconds() / 60
    log_stage(f"published: {published.uri}, {minutes:.0f} minutes after the run was opened")
    current = current_version(Store(run.store), run.spec.name)
    if current.version != published.version:
        log_stage(
            f"not current: {current.version} was asked for later and stays; "
            f"to go back: styledrop-published rollback {published.uri.partition('/versions/')[0]} "
            f"--to {published.version} --reason …"
        )
    log_stage(f"pictures: {published.uri}/contact_sheet.png, and its page {published.uri}/README.md")
    if evaluation.rebuilt is not None:
        log_stage(f"over version {evaluation.rebuilt.version}: {evaluation.rebuilt.gain.in_words}")
        log_stage(f"old beside new: {published.uri}/{OLD_AND_NEW}")
    if evaluation.verdict is not None:
        log_stage(f"{published.name}: {evaluation.verdict.in_words}")


def _show_card(
    run: Run,
    card: Mapping[str, Any],
    evaluation: EvaluationRecord,
    waiver: Decision | None,
    published: PublishedAdapter,
) -> None:
    leak, verdict, rebuilt = evaluation.leaks[-1], evaluation.verdict, evaluation.rebuilt
    references = [from_png(read_blob(example.image)) for example in run.references]
    rounds = [
        {
            "round": str(of_round["round"]),
            "method": of_round["method"],
            "images": str(of_round["examples"]),
            "steps": str(of_round["steps"]),
            "parameters": f"{of_round['parameters']:,}",
            "final loss": f"{of_round['final_loss']:.3f}",
            "seconds": f"{of_round['seconds']:.0f}",
            "Text ↑": f"{of_round['text']['mean']:.3f} ± {of_round['text']['standard_error']:.3f}",
            f"{run.spec.likeness} ↑": f"{of_round['style']['mean']:.3f} ± {of_round['style']['standard_error']:.3f}",
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
        "verdict": verdict.in_words if verdict else "unknown",
        "leak": leak.in_words if leak else "unknown",
        **({f"over {rebuilt.version}": rebuilt.gain.in_words} if rebuilt else {}),
        **({"published by the word of": waiver.reviewer} if waiver else {}),
    }
    show_markdown(
        key=artifact_key(run, "card"),
        markdown="\n\n".join(
            [
                f"# {published.name}",
                " ".join(thumbnail(image, "reference") for image in references[:MAX_THUMBNAILS]),
                f"*{run.references[0].prompt if run.spec.kind == 'subject' else run.spec.style_phrase}*",
                table([{"": name, "value": value} for name, value in facts.items()]),
                table(rounds),
                trail(run, len(rounds)),
            ]
        ),
        description=f"{published.name}: published as version {published.version}",
    )
