"""Candidates of a round: prompts x images per prompt, scored, as one Parquet file."""

from prefect import task

from data.records.run import AdapterRecord, CandidatesRecord, Run
from data.records.sampling_plan import Drawing, drawing_of
from data.store.candidates import to_parquet
from data.store.files import Store
from tasks.caching import ONCE
from tasks.links import sampling_key
from tasks.sampling import draw


@task(persist_result=True, result_serializer="json", cache_policy=ONCE)
def sample_candidates(run: Run, adapter: AdapterRecord) -> CandidatesRecord:
    """Draw `images_per_prompt` images for each prompt, and score them."""
    folder = f"runs/{run.key}/round-{adapter.round_number}/candidates"
    drawing = candidates_drawing(run, adapter, adapter.round_number)
    candidates = draw(drawing, folder, drawing.purpose, key=sampling_key(run, adapter.round_number))
    table = Store(run.store).write_blob(folder, ".parquet", to_parquet(candidates))
    return CandidatesRecord(round_number=adapter.round_number, table=table, count=len(candidates))


def candidates_drawing(run: Run, adapter: AdapterRecord | None, round_number: int) -> Drawing:
    """The candidates of a round, or what the base alone draws in their place."""
    return drawing_of(
        run,
        adapter,
        phrases=run.spec.prompts,
        images_per_phrase=run.spec.images_per_prompt,
        purpose=f"candidates of round {round_number}",
        settings=run.spec.candidate_sampling,
    )
