"""Candidates of a round: prompts x images per prompt, scored, as one Parquet file."""

import os
from pathlib import Path

from prefect import task

from data.candidates import Candidate, from_parquet, to_parquet
from data.images import from_png
from data.records import AdapterRecord, CandidatesRecord, Run
from data.store import Store
from tasks.caching import ONCE
from tasks.models import open_adapter, open_base, open_scorer
from tasks.progress import Progress
from tasks.sampling import draw_and_score, in_batches, wanted_images
from tasks.work_folder import work_folder


@task(persist_result=True, result_serializer="json", cache_policy=ONCE)
def sample_candidates(run: Run, adapter: AdapterRecord) -> CandidatesRecord:
    """Draw `images_per_prompt` images for each prompt, and score them.

    Each batch is kept in the work folder until all are drawn: a killed task goes on with the next one.
    """
    base = open_base(run.spec.base)
    scorer = open_scorer(run.spec.base)
    store = Store(run.store)
    style = open_adapter(adapter, store, base)
    references = [from_png(store.read_blob(example.image)) for example in run.references]
    parts = work_folder(run) / f"candidates-{adapter.files['adapter.safetensors'].sha256[:16]}"
    wanted = wanted_images(
        run.spec, run.spec.prompts, run.spec.images_per_prompt, f"candidates of round {adapter.round_number}"
    )
    candidates: list[Candidate] = []
    with Progress(f"candidates of round {adapter.round_number}", len(wanted)) as progress:
        for number, batch in enumerate(in_batches(wanted)):
            part = parts / f"{number:04}.parquet"
            if not part.exists():
                drawn = draw_and_score(
                    base,
                    batch,
                    style=style,
                    settings=run.spec.candidate_sampling,
                    scorer=scorer,
                    references=references,
                    progress=progress,
                )
                _write_whole(part, to_parquet(drawn))
            candidates += from_parquet(part.read_bytes())
    table = store.write_blob(
        f"runs/{run.key}/round-{adapter.round_number}/candidates", ".parquet", to_parquet(candidates)
    )
    return CandidatesRecord(round_number=adapter.round_number, table=table, count=len(candidates))


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    os.replace(partial, path)
