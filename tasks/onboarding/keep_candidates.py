"""Feedback on a round's candidates: a reviewer's decision found or recorded, and what the next round is tuned on."""

from statistics import fmean

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import AlreadyInStore, DecisionRefused
from data.records.feedback import Decision, FeedbackRecord, Question, check_decision, possible_answers
from data.records.onboarding import CandidatesRecord, Run
from data.records.record import Record
from data.records.scores import Findings
from data.store.candidates import from_parquet
from data.store.files import Store
from tasks.onboarding.sample_candidates import round_folder
from tasks.onboarding.select_candidates import best_of_each_prompt, random_of_each_prompt
from tasks.onboarding.show_candidates import choose_shown
from tasks.reporting import log_stage
from tasks.sampling import draw_seed


class RecordedAnswer(Record):
    """What became of a reviewer's answer: the decision that counts, and why the answer itself does not."""

    decision: Decision | None
    refusal: str = ""


@task(cache_policy=NO_CACHE)
def find_decisions(run: Run, candidates: CandidatesRecord, findings: Findings | None = None) -> list[Decision]:
    """The decisions on exactly these candidates that lie in the store, in the order in which they were given.

    Those on a publication are found with exactly the `findings` that stood beside the images.

    Raises:
        StoreCorrupted: if one cannot be read.
    """
    store = Store(run.store)
    found: list[Decision] = []
    while store.exists(key := _decision_key(run, candidates, findings, len(found))):
        found.append(store.read_record(key, Decision))
    return found


@task(cache_policy=NO_CACHE, persist_result=False)
def record_decision(run: Run, question: Question, answer: Decision) -> RecordedAnswer:
    """Put a reviewer's answer into the store, before anything is done with it.

    The first usable answer of whoever's turn it is counts: if there is a decision already, it stays and this answer is
    refused.
    """
    try:
        check_decision(answer, question.candidates, question.shown, question.answers, question.answered_by)
    except DecisionRefused as error:
        return RecordedAnswer(decision=None, refusal=str(error))
    store = Store(run.store)
    findings = question if question.is_about_publication else None
    key = _decision_key(run, question.candidates, findings, len(question.answered_by))
    try:
        store.write_new(key, answer.model_dump_json(indent=2).encode())
    except AlreadyInStore:
        first = store.read_record(key, Decision)
        refusal = (
            f"expected no decision yet, got a second one, {answer.decision!r} by {answer.reviewer}: "
            f"{first.decision!r} by {first.reviewer} of {first.decided_at:%Y-%m-%d %H:%M} UTC counts"
        )
        log_stage(refusal)
        return RecordedAnswer(decision=first, refusal=refusal)
    return RecordedAnswer(decision=answer)


@task(persist_result=True, result_serializer="json")
def keep_candidates(run: Run, candidates: CandidatesRecord, decision: Decision | None) -> FeedbackRecord:
    """Choose what the next round is tuned on: by a reviewer's `decision`, by clip or at random.

    Raises:
        DecisionRefused: if the decision was made on other candidates.
    """
    rows = from_parquet(Store(run.store).read_blob(candidates.table))
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
            shown, _ = choose_shown(run, candidates, rows)
            check_decision(decision, candidates, shown, possible_answers(candidates.round_number))
            kept = sorted(decision.picks)
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
        table=candidates.table,
        decision=decision,
    )


def _decision_key(run: Run, candidates: CandidatesRecord, findings: Findings | None, number: int) -> str:
    # By the digest of what was looked at, and by who was to choose: a decision on anything else is never found here.
    turn = f"-findings-{findings.digest}" if findings is not None else ""
    turn += f"-{number + 1}" if number else ""
    folder = f"{round_folder(run, candidates.round_number)}/decisions"
    return f"{folder}/{run.spec.feedback}-{candidates.table.sha256}{turn}.json"
