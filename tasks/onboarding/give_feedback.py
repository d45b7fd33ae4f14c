"""Feedback on a round's candidates: shown to a reviewer, decided, and kept."""

import io
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from PIL import Image
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from data.errors import AlreadyInStore, DecisionRefused
from data.feedback import (
    ANSWERS_TO_LEAK,
    best_of_each_prompt,
    best_to_show,
    check_decision,
    possible_answers,
    random_of_each_prompt,
    random_to_show,
)
from data.pictures.contact_sheet import numbered_sheet
from data.pictures.images import from_png
from data.pictures.markdown import embedded_image, thumbnail
from data.records.run import (
    Answer,
    CandidatesRecord,
    Decision,
    EvaluationRecord,
    Example,
    FeedbackRecord,
    Leak,
    Question,
    Record,
    Run,
)
from data.store.candidates import Candidate, from_parquet, to_parquet
from data.store.files import Store
from tasks.caching import CACHE_BY_INPUT
from tasks.leak import leak_of
from tasks.links import candidates_key, leak_key
from tasks.onboarding.sample_candidates import plan_candidates
from tasks.sampling import draw, draw_seed
from tasks.say import log_stage

THUMBNAIL_PX = 64
"""On forms and in tables: 64 of them stay under 400 KB, whatever they show."""

MIN_COMPARED = 32
"""Candidates, at least, that are compared with what the base draws without the adapter, if there are as many."""


class RecordedAnswer(Record):
    """What became of a reviewer's answer: the decision that counts, and why the answer itself does not."""

    decision: Decision | None
    refusal: str = ""


@task(persist_result=True, result_serializer="json")
def show_candidates(run: Run, candidates: CandidatesRecord) -> Question:
    """Choose what a reviewer picks from; put it on a numbered sheet in the store, and into a table in the run."""
    rows = from_parquet(Store(run.store).read_blob(candidates.table))
    shown, chosen_by = _to_show(run, candidates, rows)
    leak = _leak_of_candidates(run, candidates, rows)
    return _ask(run, candidates, rows, shown, chosen_by, leak, possible_answers(candidates.round_number))


@task(persist_result=True, result_serializer="json")
def show_leak(run: Run, evaluation: EvaluationRecord) -> Question:
    """Put images of the last round before a reviewer, who says whether it is published although its content leaks."""
    samples = last_samples(run, evaluation)
    rows = from_parquet(Store(run.store).read_blob(samples.table))
    shown = random_to_show(rows, seed=draw_seed(run.spec.seed, "shown", "evaluation"))
    return _ask(run, samples, rows, shown, "prompts that were not tuned on", evaluation.leaks[-1], ANSWERS_TO_LEAK)


def last_samples(run: Run, evaluation: EvaluationRecord) -> CandidatesRecord:
    """The evaluation's images of the last round, as what a reviewer decides on."""
    last = evaluation.rounds[-1]
    count = len(run.spec.evaluation_prompts) * run.spec.images_per_evaluation_prompt
    return CandidatesRecord(round_number=last.round_number, table=last.samples, count=count)


def _ask(
    run: Run,
    candidates: CandidatesRecord,
    rows: Sequence[Candidate],
    shown: tuple[int, ...],
    chosen_by: str,
    leak: Leak | None,
    answers: tuple[Answer, ...],
) -> Question:
    images = [from_png(rows[number].image) for number in shown]
    sheet = _as_webp(numbered_sheet(images, shown, cell_px=THUMBNAIL_PX))
    question = Question(
        style=run.spec.name,
        planned_rounds=run.spec.rounds,
        candidates=candidates,
        shown=shown,
        chosen_by=chosen_by,
        leak=leak,
        answers=answers,
        store=run.store,
        references=run.references,
        sheet=Store(run.store).write_blob(f"{_folder(run, candidates)}/sheets", ".webp", sheet),
    )
    create_table_artifact(
        key=candidates_key(run, candidates.round_number),
        table=[
            {
                "number": str(row.index),
                "image": thumbnail(image, side_px=THUMBNAIL_PX),
                "prompt": row.prompt,
                "Text ↑": f"{row.text_score:.3f}",
                "Style ↑": f"{row.style_score:.3f}",
            }
            for row, image in zip((rows[number] for number in shown), images, strict=True)
        ],
        description=f"{run.spec.name}: {len(shown)} of {candidates.count} candidates of round "
        f"{candidates.round_number}, {chosen_by}. Leak {leak.in_words if leak else 'unknown'}",
    )
    log_stage(f"candidates of round {candidates.round_number}, numbered: {question.sheet.uri}")
    return question


@task(persist_result=False, cache_policy=NO_CACHE)
def write_question(question: Question, refusal: str) -> str:
    """What stands above the form's fields, in Markdown with the pictures in it: too large to be kept as a result."""
    store = Store(question.store)
    references = [from_png(store.read_blob(example.image)) for example in question.references]
    candidates = question.candidates
    wanted = "May this be published?" if "publish" in question.answers else "Pick up to about ten, by their numbers."
    paragraphs = [
        f"**{refusal}**" if refusal else "",
        f"Style **{question.style}**, round {candidates.round_number} of {question.planned_rounds} planned. "
        f"Leak {question.leak.in_words if question.leak else 'unknown'}. The reference:",
        " ".join(thumbnail(image, "reference", side_px=THUMBNAIL_PX) for image in references),
        f"{wanted} {len(question.shown)} of {candidates.count} ({question.chosen_by}):",
        embedded_image(store.read_blob(question.sheet), "webp", "candidates, numbered"),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


@task(cache_policy=NO_CACHE)
def find_decision(run: Run, candidates: CandidatesRecord) -> Decision | None:
    """The decision on exactly these candidates, if there is one in the store."""
    store = Store(run.store)
    key = _decision_key(run, candidates)
    return Decision.model_validate_json(store.read(key)) if store.exists(key) else None


@task(cache_policy=NO_CACHE, persist_result=False)
def record_decision(run: Run, question: Question, answer: Decision) -> RecordedAnswer:
    """Put a reviewer's answer into the store, before anything is done with it.

    The first usable answer counts: if there is a decision already, it stays and this answer is refused.
    """
    try:
        check_decision(answer, question.candidates, question.shown, question.answers)
    except DecisionRefused as error:
        return RecordedAnswer(decision=None, refusal=str(error))
    store = Store(run.store)
    key = _decision_key(run, question.candidates)
    try:
        store.write_new(key, answer.model_dump_json(indent=2).encode())
    except AlreadyInStore:
        first = Decision.model_validate_json(store.read(key))
        refusal = (
            f"expected no decision yet, got a second one, {answer.decision!r} by {answer.reviewer}: "
            f"{first.decision!r} by {first.reviewer} of {first.decided_at:%Y-%m-%d %H:%M} UTC counts"
        )
        log_stage(refusal)
        return RecordedAnswer(decision=first, refusal=refusal)
    return RecordedAnswer(decision=answer)


@task(persist_result=True, result_serializer="json", cache_policy=CACHE_BY_INPUT)
def keep_candidates(run: Run, candidates: CandidatesRecord, decision: Decision | None) -> FeedbackRecord:
    """Choose what the next round is tuned on: by a reviewer's `decision`, by clip or at random.

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
        case "human" | "hybrid":
            if decision is None:
                raise DecisionRefused(
                    f"expected a decision with {run.spec.feedback} feedback, got none; ask a reviewer"
                )
            shown, _ = _to_show(run, candidates, rows)
            check_decision(decision, candidates, shown, possible_answers(candidates.round_number))
            kept = sorted(decision.picks)
    folder = _folder(run, candidates)
    decided = [replace(row, kept=row.index in set(kept)) for row in rows]
    of_kept, of_all = (fmean(row.text_score for row in some) for some in ([rows[i] for i in kept], rows))
    by = f"{run.spec.feedback} ({decision.reviewer})" if decision else run.spec.feedback
    log_stage(
        f"kept {len(kept)} of {len(rows)} candidates of round {candidates.round_number} by {by}: "
        f"Text {of_kept:.3f}, of all {of_all:.3f}"
    )
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


def _to_show(run: Run, candidates: CandidatesRecord, rows: Sequence[Candidate]) -> tuple[tuple[int, ...], str]:
    """What a reviewer picks from, and how it was chosen, in words."""
    if run.spec.feedback == "hybrid":
        return best_to_show(rows), "the best CLIP scores of each prompt, the best first"
    seed = draw_seed(run.spec.seed, "shown", candidates.round_number)
    return random_to_show(rows, seed=seed), "some of each prompt, whatever their scores"


def _leak_of_candidates(run: Run, candidates: CandidatesRecord, rows: Sequence[Candidate]) -> Leak | None:
    # The base draws no more than is needed for a number: the first few images of each prompt.
    few = min(run.spec.images_per_prompt, -(-MIN_COMPARED // len(run.spec.prompts)))
    plan = plan_candidates(run, None, candidates.round_number).model_copy(update={"images_per_phrase": few})
    by_base = draw(
        plan,
        f"{_folder(run, candidates)}/base",
        f"the base, beside candidates of round {candidates.round_number}",
        key=leak_key(run, candidates.round_number),
    )
    drawn = [row for row in rows if row.index % run.spec.images_per_prompt < few]
    return leak_of(plan.references, run.spec.reference_contents, drawn, by_base)


def _decision_key(run: Run, candidates: CandidatesRecord) -> str:
    # By the digest of the candidates: a decision on others is never found here.
    return f"{_folder(run, candidates)}/decisions/{candidates.table.sha256}.json"


def _folder(run: Run, candidates: CandidatesRecord) -> str:
    return f"runs/{run.key}/round-{candidates.round_number}"


def _as_webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=85)
    return buffer.getvalue()
