"""Super-resolution's adapter of a style (StyleDrop, Tab. S3)."""

import time

from prefect import task

import styledrop
from data.pictures.images import from_png
from data.records.onboarding import Run, TunedRecord
from data.store.files import read_blob
from tasks.machine import at_once
from tasks.models import open_base
from tasks.onboarding.card import tuned_card
from tasks.onboarding.tune import save_tuned, watched
from tasks.resuming import cache_by, work_folder
from tasks.sampling import draw_seed


def _uses(run: Run) -> list[object]:
    references = [(reference.image.sha256, reference.prompt) for reference in run.large_references]
    large = open_base(run.spec.base).large.sha256
    return [run.place, run.base_sha256, large, references, run.spec.enlarging, run.spec.seed]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses, __name__, "styledrop.enlarge"),
)
def tune_enlarging(run: Run) -> TunedRecord:
    """Tune super-resolution to the references; a killed tuning goes on from its checkpoint."""
    started = time.monotonic()
    base, settings = open_base(run.spec.base), run.spec.enlarging
    seed = draw_seed(run.spec.seed, "enlarging")
    pairs = [(from_png(read_blob(example.image)), example.prompt) for example in run.large_references]
    with watched(run, "super-resolution", "tune super-resolution", settings.steps) as tuning:
        adapter = styledrop.tune_enlarging(
            base,
            pairs,
            settings,
            seed=seed,
            checkpoint=work_folder(run) / "enlarging.safetensors",
            progress=tuning,
            at_once=at_once(),
        )
    card = tuned_card(run, base.large, [prompt for _, prompt in pairs], seed=seed)
    return TunedRecord(
        files=save_tuned(run, adapter, card, "enlarging"),
        parameters=adapter.parameter_count(),
        final_loss=tuning.final_loss,
        seconds=round(time.monotonic() - started, 1),
    )
