"""Feedback on a round's candidates: shown to a reviewer, decided, and kept."""

import base64
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from PIL import Image
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from data.candidates import Candidate, from_parquet, to_parquet
from data.contact_sheet import numbered_sheet
from data.errors import AlreadyInStore, DecisionRefused
from data.feedback import best_of_each_prompt, check_decision, random_of_each_prompt
from data.images import from_png
from data.records import Blob, CandidatesRecord, Decision, Example, FeedbackRecord, Record, Run
from data.store import Store
from tasks.caching import ONCE
from tasks.sampling import draw_seed

SHEET_IMAGES = 128
"""Images on a page: 16 lines of 8, under a megabyte as an artifact."""


class Answered(Record):
    """What became of a reviewer's answer: a decision in the store, or why it was refused."""

    decision: Decision | None
    refusal: str = ""


@task(persist_result=True, result_serializer="json")
def show_candidates(run: Run, candidates: CandidatesRecord) -> list[Blob]:
    """Put numbered contact sheets into the store and, as artifacts, into the run."""
    store = Store(run.store)
    rows = from_parquet(store.read_blob(candidates.table))
    pages = [rows[start : start + SHEET_IMAGES] for start in range(0, len(rows), SHEET_IMAGES)]
    sheets = []
    for number, page in enumerate(pages, start=1):
        sheet = numbered_sheet([from_png(row.image) for row in page], first_number=page[0].index)
        content = _as_webp(sheet)
        sheets.append(store.write_blob(f"runs/{run.key}/round-{candidates.round_number}/sheets", ".webp", content))
        print(f"candidates of round {candidates.round_number}, numbered: {sheets[-1].uri}", file=sys.stderr)
        image = f"![candidates](data:image/webp;base64,{base64.b64encode(content).decode()})"
        create_markdown_artifact(
            key=f"candidates-{run.key}-round-{candidates.round_number}-page-{number}",
            markdown=f"{_prompts_in_words(page)}\n\n{image}",
            description=f"{run.spec.name}: round {candidates.round_number}, page {number} of {len(pages)}",
        )
    return sheets


@task(cache_policy=NO_CACHE)
def find_decision(run: Run, candidates: CandidatesRecord) -> Decision | None:
    """The decision on exactly these candidates, if there is one in the store."""
    store = Store(run.store)
    key = _decision_key(run, candidates)
    return Decision.model_validate_json(store.read(key)) if store.exists(key) else None


@task(persist_result=True, result_serializer="json")
def record_decision(
    run: Run,
    candidates: CandidatesRecord,
    decision: Literal["approve", "reject"],
    reviewer: str,
    picks: Sequence[int],
    note: str,
) -> Answered:
    """Put a reviewer's answer into the store, before anything is done with it.

    The first usable answer counts: if there is a decision already, that one is returned.
    """
    answer = Decision(
        decision=decision,
        reviewer=reviewer,
        decided_at=datetime.now(UTC),
        picks=tuple(picks),
        candidates_sha256=candidates.table.sha256,
        note=note,
    )
    try:
        check_decision(answer, candidates=candidates.count, candidates_sha256=candidates.table.sha256)
    except DecisionRefused as refusal:
        return Answered(decision=None, refusal=str(refusal))
    store = Store(run.store)
    key = _decision_key(run, candidates)
    try:
        store.write_new(key, answer.model_dump_json(indent=2).encode())
    except AlreadyInStore:
        answer = Decision.model_validate_json(store.read(key))
    return Answered(decision=answer)


@task(persist_result=True, result_serializer="json", cache_policy=ONCE)
def keep_candidates(run: Run, candidates: CandidatesRecord, decision: Decision | None) -> FeedbackRecord:
    """Choose what the next round is tuned on: by `decision` with human feedback, else by clip or by chance.

    Raises:
        DecisionRefused: if the decision was made on other candidates.
    """
    store = Store(run.store)
    rows = from_parquet(store.read_blob(candidates.table))
    match run.spec.feedback:
        case "clip":
            kept = best_of_each_prompt(rows, run.spec.kept_per_prompt)
        case "random":
            seed = draw_seed(run.spec.seed, "feedback", candidates.round_number)
            kept = random_of_each_prompt(rows, run.spec.kept_per_prompt, seed=seed)
        case "human":
            if decision is None:
                raise DecisionRefused("expected a decision with human feedback, got none; ask a reviewer")
            check_decision(decision, candidates=candidates.count, candidates_sha256=candidates.table.sha256)
            kept = sorted(decision.picks)
    folder = f"runs/{run.key}/round-{candidates.round_number}"
    decided = [replace(row, kept=row.index in set(kept)) for row in rows]
    return FeedbackRecord(
        round_number=candidates.round_number,
        source=run.spec.feedback,
        kept=tuple(kept),
        table=store.write_blob(f"{folder}/candidates", ".parquet", to_parquet(decided)),
        examples=tuple(
            Example(image=store.write_blob(f"{folder}/kept", ".png", rows[index].image), prompt=rows[index].prompt)
            for index in kept
        ),
        decision=decision,
    )


def _decision_key(run: Run, candidates: CandidatesRecord) -> str:
    # By the digest of the candidates: a decision on others is never found here.
    return f"runs/{run.key}/round-{candidates.round_number}/decisions/{candidates.table.sha256}.json"


def _as_webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=85)
    return buffer.getvalue()


def _prompts_in_words(rows: Sequence[Candidate]) -> str:
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.content_phrase, row.index)
    return ", ".join(f"from {index} on: {phrase}" for phrase, index in first.items())
