"""Candidates of a round: prompts x images per prompt, scored, as one Parquet file."""

from prefect import task

from data.records.onboarding import AdapterRecord, CandidatesRecord, Run
from data.records.sampling_plan import SamplingPlan, plan_sampling
from data.store.candidates import to_parquet
from data.store.files import Store
from tasks.onboarding.artifacts import artifact_key
from tasks.resuming import cache_by
from tasks.sampling import DRAWN_BY, draw


def _uses(run: Run, adapter: AdapterRecord) -> list[object]:
    return [run.place, plan_candidates(run, adapter, adapter.round_number).identity]


@task(persist_result=True, result_serializer="json", cache_policy=cache_by(_uses, __name__, *DRAWN_BY))
def sample_candidates(run: Run, adapter: AdapterRecord) -> CandidatesRecord:
    """Draw `images_per_prompt` images for each prompt, and score them."""
    folder = f"{round_folder(run, adapter.round_number)}/candidates"
    plan = plan_candidates(run, adapter, adapter.round_number)
    candidates = draw(plan, folder, plan.purpose, key=artifact_key(run, "sampling", adapter.round_number))
    table = Store(run.store).write_blob(folder, ".parquet", to_parquet(candidates))
    return CandidatesRecord(round_number=adapter.round_number, table=table, count=len(candidates))


def plan_candidates(run: Run, adapter: AdapterRecord | None, round_number: int) -> SamplingPlan:
    """The plan of a round's candidates, or of what the base draws of the same prompts without an adapter."""
    return plan_sampling(
        run,
        adapter,
        prompts=run.spec.prompts,
        images_per_phrase=run.spec.images_per_prompt,
        purpose=f"candidates of round {round_number}",
        settings=run.spec.candidate_sampling,
    )


def round_folder(run: Run, round_number: int) -> str:
    """Key of the folder in the store for what a round makes."""
    return f"{run.folder}/round-{round_number}"
