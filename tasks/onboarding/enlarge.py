"""The style at twice the size: super-resolution's adapter, and what the last round draws, enlarged."""

import math
import tempfile
import time
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext

import styledrop
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image
from data.records.onboarding import EnlargingRecord, Run
from data.records.scores import RoundScores
from data.store.candidates import from_parquet
from data.store.files import Store, read_blob
from tasks.models import open_base
from tasks.onboarding.artifacts import enlarging_key
from tasks.onboarding.card import tuned_card
from tasks.onboarding.tune import tuning_in_words
from tasks.reporting import Progress, log_stage
from tasks.resuming import CACHE_BY_INPUT, work_folder
from tasks.sampling import draw_seed, enlarge_samples


@task(persist_result=True, result_serializer="json", cache_policy=CACHE_BY_INPUT)
def enlarge(run: Run, scores: RoundScores) -> EnlargingRecord:
    """Tune super-resolution to the references (StyleDrop, Tab. S3), and enlarge one image of each evaluation prompt.

    A killed tuning goes on from its checkpoint.
    """
    started = time.monotonic()
    base, store, settings = open_base(run.spec.base), Store(run.store), run.spec.enlarging
    folder, seed = f"runs/{run.key}/enlarging", draw_seed(run.spec.seed, "enlarging")
    pairs = [(from_png(read_blob(example.image)), example.prompt) for example in run.large_references]
    final_loss = math.nan
    with Progress("tune super-resolution", settings.steps) as progress:

        def report_step(done: int, _: int, loss: float) -> None:
            nonlocal final_loss
            final_loss = loss
            progress.update(done, f"loss {loss:.3f}")

        with tuning_in_words(run, "super-resolution"):
            adapter = styledrop.tune_enlarging(
                base,
                pairs,
                settings,
                seed=seed,
                checkpoint=work_folder(run) / "enlarging.safetensors",
                progress=report_step,
            )
    samples = from_parquet(read_blob(scores.samples))[:: run.spec.images_per_evaluation_prompt]
    small, large = [from_png(sample.image) for sample in samples], enlarge_samples(base, samples, adapter)
    rows = [Row(label=f"{base.size_px} px", images=small), Row(label=f"{base.large.size_px} px", images=large)]
    sheet = to_png(comparison_sheet(run.spec.evaluation_prompts, rows, cell_px=base.large.size_px))
    card = tuned_card(
        run,
        base.large,
        [prompt for _, prompt in pairs],
        seeds={"tuning": seed},
        guidance={"lambda_a": 1.0, "lambda_b": 0.0},
    )
    with tempfile.TemporaryDirectory() as written:
        styledrop.save_adapter(adapter, card, Path(written))
        files = {
            path.name: store.write_blob(f"{folder}/adapter", path.suffix, path.read_bytes())
            for path in sorted(Path(written).iterdir())
        }
    made = EnlargingRecord(
        files=files,
        parameters=adapter.parameter_count(),
        final_loss=final_loss,
        seconds=round(time.monotonic() - started, 1),
        contact_sheet=store.write_blob(folder, ".png", sheet),
    )
    if TaskRunContext.get() is not None:
        create_markdown_artifact(
            key=enlarging_key(run),
            markdown=f"{embedded_image(sheet, 'png', 'the last round, enlarged')}\n\n{made.contact_sheet.uri}",
            description=f"{run.spec.name}: the last round's images, and the same at {base.large.size_px} px",
        )
    log_stage(f"super-resolution: {made.parameters} parameters tuned, {len(large)} images in {made.contact_sheet.uri}")
    return made
