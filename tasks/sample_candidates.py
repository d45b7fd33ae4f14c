"""Candidates of a round: prompts x images per prompt, scored, as one Parquet file."""

from prefect import task

from data.candidates import to_parquet
from data.drawing import drawing_of
from data.records import AdapterRecord, CandidatesRecord, Run
from data.store import Store
from tasks.caching import ONCE
from tasks.links import sampling_key
from tasks.sampling import draw


@task(persist_result=True, result_serializer="json", cache_policy=ONCE)
def sample_candidates(run: Run, adapter: AdapterRecord) -> CandidatesRecord:
    """Draw `images_per_prompt` images for each prompt, and score them."""
    purpose = f"candidates of round {adapter.round_number}"
    folder = f"runs/{run.key}/round-{adapter.round_number}/candidates"
    drawing = drawing_of(
        run,
        adapter,
        phrases=run.spec.prompts,
        images_per_phrase=run.spec.images_per_prompt,
        purpose=purpose,
        settings=run.spec.candidate_sampling,
    )
    candidates = draw(drawing, folder, purpose, key=sampling_key(run, adapter.round_number))
    table = Store(run.store).write_blob(folder, ".parquet", to_parquet(candidates))
    return CandidatesRecord(round_number=adapter.round_number, table=table, count=len(candidates))
