"""Feedback on a round's candidates: what the next round is tuned on."""

from statistics import fmean

from prefect import task

from data.errors import DecisionRefused
from data.records.feedback import Decision, FeedbackRecord
from data.records.onboarding import CandidatesRecord, Run
from data.store.candidates import from_parquet
from data.store.files import Store
from tasks.onboarding.select_candidates import best_of_each_prompt, random_of_each_prompt
from tasks.reporting import log_stage
from tasks.sampling import draw_seed


@task(persist_result=True, result_serializer="json")
def keep_candidates(run: Run, candidates: CandidatesRecord, decision: Decision | None) -> FeedbackRecord:
    """Choose what the next round is tuned on: by a reviewer's `decision`, by clip or at random.

    Raises:
        DecisionRefused: if there is no decision where one is needed, it was made on other candidates, or its picks are
            not among them.
    """
    rows = from_parquet(Store(run.store).read_blob(candidates.table))
    match run.spec.feedback:
        case "clip" | "clip_sum":
            with_style = run.spec.feedback == "clip_sum"
            kept = best_of_each_prompt(rows, run.spec.kept_per_prompt, with_style=with_style)
        case "random":
            seed = draw_seed(run.spec.seed, "feedback", candidates.round_number)
            kept = random_of_each_prompt(rows, run.spec.kept_per_prompt, seed=seed)
        case "human" | "hybrid":
            if decision is None or decision.candidates_sha256 != candidates.table.sha256:
                got = "none" if decision is None else f"one on {decision.candidates_sha256[:12]}"
                raise DecisionRefused(
                    f"expected a decision on candidates {candidates.table.sha256[:12]}, got {got}; ask a reviewer"
                )
            kept = sorted(decision.picks)
            if not kept or len({*kept}) < len(kept) or not {*kept} <= {*range(len(rows))}:
                raise DecisionRefused(
                    f"expected picks of the {len(rows)} candidates, each once, got {kept}; ask a reviewer"
                )
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
