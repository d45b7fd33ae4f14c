"""What the last round draws, at twice the size."""

from prefect import task
from prefect.context import TaskRunContext

from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image
from data.records.onboarding import EnlargingRecord, Run, TunedRecord
from data.records.scores import RoundScores
from data.store.candidates import from_parquet
from data.store.files import Store, read_blob
from tasks.models import open_adapter, open_base
from tasks.onboarding.artifacts import artifact_key
from tasks.reporting import log_stage, show_markdown
from tasks.resuming import cache_by
from tasks.sampling import enlarge_samples


def _uses(run: Run, adapter: TunedRecord, scores: RoundScores) -> list[object]:
    shown = [run.spec.evaluation_prompts, run.spec.images_per_evaluation_prompt]
    return [run.place, adapter, scores.samples.sha256, shown]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses, __name__, "tasks.sampling", "styledrop.enlarge"),
)
def enlarge(run: Run, adapter: TunedRecord, scores: RoundScores) -> EnlargingRecord:
    """Enlarge one image of each evaluation prompt with super-resolution's `adapter`, from its tokens."""
    base, store = open_base(run.spec.base), Store(run.store)
    samples = from_parquet(read_blob(scores.samples))[:: run.spec.images_per_evaluation_prompt]
    small = [from_png(sample.image) for sample in samples]
    large = enlarge_samples(base, samples, open_adapter(adapter.files, base.large))
    rows = [Row(label=f"{base.size_px} px", images=small), Row(label=f"{base.large.size_px} px", images=large)]
    sheet = to_png(comparison_sheet(run.spec.evaluation_prompts, rows, cell_px=base.large.size_px))
    made = EnlargingRecord(adapter=adapter, contact_sheet=store.write_blob(f"{run.folder}/enlarging", ".png", sheet))
    if TaskRunContext.get() is not None:
        show_markdown(
            key=artifact_key(run, "enlarging"),
            markdown=f"{embedded_image(sheet, 'png', 'the last round, enlarged')}\n\n{made.contact_sheet.uri}",
            description=f"{run.spec.name}: the last round's images, and the same at {base.large.size_px} px",
        )
    log_stage(
        f"super-resolution: {adapter.parameters} parameters tuned, {len(large)} images in {made.contact_sheet.uri}"
    )
    return made
