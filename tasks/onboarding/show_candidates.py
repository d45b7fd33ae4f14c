"""What a reviewer is shown: candidates of a round, or images of the last one if there are doubts about it."""

import io
from collections.abc import Sequence

from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.pictures.contact_sheet import numbered_sheet
from data.pictures.images import from_png
from data.pictures.markdown import embedded_image, thumbnail
from data.records.feedback import ANSWERS_TO_DOUBTS, Answer, possible_answers
from data.records.onboarding import CandidatesRecord, Run
from data.records.questions import AnyQuestion, CandidatesQuestion
from data.records.scores import EvaluationRecord, Findings
from data.store.candidates import Candidate, from_parquet
from data.store.files import Store
from tasks.models import open_scorer
from tasks.onboarding.artifacts import artifact_key
from tasks.onboarding.nearest import looks_of_styles, nearest_styles
from tasks.onboarding.sample_candidates import plan_candidates, round_folder
from tasks.onboarding.select_candidates import best_to_show, random_to_show
from tasks.reporting import log_stage, show_table
from tasks.sampling import draw, draw_seed
from tasks.scoring import leak_of, verdict_of

THUMBNAIL_PX = 64
"""On forms and in tables: 64 of them stay under 400 KB, whatever they show."""

MIN_COMPARED = 32
"""Candidates, at least, that are compared with what the base draws without the adapter, if there are as many."""


@task(persist_result=True, result_serializer="json")
def show_candidates(run: Run, candidates: CandidatesRecord) -> CandidatesQuestion:
    """Choose what a reviewer picks from; put it on a numbered sheet in the store, and into a table in the run."""
    rows = from_parquet(Store(run.store).read_blob(candidates.table))
    shown, chosen_by = choose_shown(run, candidates, rows)
    findings = findings_of_candidates(run, rows)
    return _ask(run, candidates, rows, shown, chosen_by, findings, possible_answers(candidates.round_number))


@task(persist_result=True, result_serializer="json")
def show_doubts(run: Run, evaluation: EvaluationRecord) -> CandidatesQuestion:
    """Put images of the last round before a reviewer, who says whether it is published in spite of the doubts."""
    samples = last_samples(run, evaluation)
    rows = from_parquet(Store(run.store).read_blob(samples.table))
    shown = random_to_show(rows, seed=draw_seed(run.spec.seed, "shown", "evaluation"))
    return _ask(run, samples, rows, shown, "prompts that were not tuned on", evaluation.findings, ANSWERS_TO_DOUBTS)


def last_samples(run: Run, evaluation: EvaluationRecord) -> CandidatesRecord:
    """The evaluation's images of the last round, as what a reviewer decides on."""
    last = evaluation.rounds[-1]
    count = len(run.spec.evaluation_prompts) * run.spec.images_per_evaluation_prompt
    return CandidatesRecord(round_number=last.round_number, table=last.samples, count=count)


@task(persist_result=False, cache_policy=NO_CACHE)
def write_question(question: AnyQuestion) -> str:
    """What stands above the form's fields, in Markdown with the pictures in it: too large to be kept as a result."""
    store = Store(question.store)
    references = [from_png(store.read_blob(example.image)) for example in question.references]
    known = f"{_as_sentences(question)} " if isinstance(question, CandidatesQuestion) else ""
    paragraphs = [
        f"**{question.refusal}**" if question.refusal else "",
        f"Style **{question.style}**, {question.title}. {known}The reference:",
        " ".join(thumbnail(image, "reference", side_px=THUMBNAIL_PX) for image in references),
        f"Nearest published styles: {question.nearest_in_words}.",
        question.turn,
    ]
    if isinstance(question, CandidatesQuestion):
        wanted = (
            "May this be published?" if question.is_about_publication else "Pick up to about ten, by their numbers."
        )
        paragraphs += [
            f"{wanted} {len(question.shown)} of {question.candidates.count} ({question.chosen_by}):",
            embedded_image(store.read_blob(question.sheet), "webp", "candidates, numbered"),
        ]
    else:
        paragraphs.append("Confirm what the scorer proposes, or correct it, phrase by phrase:")
        paragraphs += [f"{number}. {label}: {phrase}" for number, (label, phrase) in enumerate(question.phrases, 1)]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def choose_shown(run: Run, candidates: CandidatesRecord, rows: Sequence[Candidate]) -> tuple[tuple[int, ...], str]:
    """What a reviewer picks from, and how it was chosen, in words."""
    if run.spec.feedback == "hybrid":
        return best_to_show(rows), "the best CLIP scores of each prompt, the best first"
    seed = draw_seed(run.spec.seed, "shown", candidates.round_number)
    return random_to_show(rows, seed=seed), "some of each prompt, whatever their scores"


def _ask(
    run: Run,
    candidates: CandidatesRecord,
    rows: Sequence[Candidate],
    shown: tuple[int, ...],
    chosen_by: str,
    findings: Findings,
    answers: tuple[Answer, ...],
) -> CandidatesQuestion:
    images = [from_png(rows[number].image) for number in shown]
    sheet = _as_webp(numbered_sheet(images, shown, cell_px=THUMBNAIL_PX))
    store = Store(run.store)
    references = [from_png(store.read_blob(example.image)) for example in run.references]
    scorer = open_scorer(run.spec.base, run.spec.scorer)
    question = CandidatesQuestion(
        style=run.spec.name,
        planned_rounds=run.spec.rounds,
        candidates=candidates,
        shown=shown,
        chosen_by=chosen_by,
        leak=findings.leak,
        verdict=findings.verdict,
        over_old=findings.over_old,
        answers=answers,
        store=run.store,
        references=run.references,
        sheet=store.write_blob(f"{round_folder(run, candidates.round_number)}/sheets", ".webp", sheet),
        nearest=nearest_styles(run.spec.name, references, looks_of_styles(store, scorer), scorer),
    )
    show_table(
        key=artifact_key(run, "candidates", candidates.round_number),
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
        f"{candidates.round_number}, {chosen_by}. {_as_sentences(findings)}",
    )
    log_stage(f"candidates of round {candidates.round_number}, numbered: {question.sheet.uri}")
    return question


def _as_sentences(findings: Findings) -> str:
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in findings.lines)


def findings_of_candidates(run: Run, rows: Sequence[Candidate]) -> Findings:
    """Leak of the candidates `rows`, and the verdict on the round that drew them."""
    # The base draws the first few images of each prompt, enough for a mean, and once for all rounds: with the seeds of
    # round 1. Candidates of later rounds have other seeds, which changes the mean little.
    few = min(run.spec.images_per_prompt, -(-MIN_COMPARED // len(run.spec.prompts)))
    plan = plan_candidates(run, None, 1).model_copy(update={"images_per_phrase": few})
    by_base = draw(plan, f"{run.folder}/base", "the base, beside the candidates", key=artifact_key(run, "leak"))
    drawn = [row for row in rows if row.index % run.spec.images_per_prompt < few]
    references = [example.image for example in run.references]
    return Findings(
        leak=leak_of(references, run.spec.reference_contents, drawn, by_base),
        verdict=verdict_of(drawn, by_base, run.spec.likeness),
    )


def _as_webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=85)
    return buffer.getvalue()
