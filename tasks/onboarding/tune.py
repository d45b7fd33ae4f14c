"""One round of tuning, and what the first is tuned on: the references as VQGAN tokens, once per view of an image."""

import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from prefect import task

import styledrop
from data.errors import SpecError
from data.pictures.images import from_png
from data.records.onboarding import AdapterRecord, Run, TuningExamples
from data.records.record import Blob
from data.store.examples import examples_to_parquet, read_examples
from data.store.files import Store
from data.store.pointer import read_pointer, refuse_withdrawn, style_folder
from tasks.machine import at_once
from tasks.models import open_base
from tasks.onboarding.artifacts import artifact_key
from tasks.onboarding.card import tuned_card
from tasks.reporting import Progress
from tasks.resuming import cache_by, work_folder
from tasks.sampling import draw_seed
from tasks.training_log import loss_log


class WatchedTuning:
    """The progress callback of a tuning: it moves a bar, logs each loss and keeps the last one."""

    final_loss = math.nan

    def __init__(self, progress: Progress, log_loss: Callable[[int, float], None]) -> None:
        self._progress, self._log_loss = progress, log_loss

    def __call__(self, done: int, _: int, loss: float) -> None:
        """Take the steps done, the steps of the run, and the step's loss."""
        self.final_loss = loss
        self._log_loss(done, loss)
        self._progress.update(done, f"loss {loss:.3f}")


@contextmanager
def watched(run: Run, part: str, title: str, steps: int, key: str | None = None) -> Iterator[WatchedTuning]:
    """Show how the tuning of a `part` of the style gets on; its errors name the style.

    Raises:
        SpecError: if the loss is no number, or a checkpoint is another run's or cannot be written.
    """
    with Progress(title, steps, key=key) as progress, loss_log(run, part.replace(" ", "-")) as log_loss:
        try:
            yield WatchedTuning(progress, log_loss)
        except styledrop.StyleDropError as error:
            raise SpecError(f"{run.spec.name!r}, {part}: {error}") from error


def save_tuned(run: Run, adapter: styledrop.Tuned, card: styledrop.Card, folder: str) -> dict[str, Blob]:
    """Write what was tuned into `folder` of the style's folder, and give its files by name."""
    store = Store(run.store)
    with tempfile.TemporaryDirectory() as written:
        styledrop.save_adapter(adapter, card, Path(written))
        return {
            path.name: store.write_blob(f"{run.folder}/{folder}/adapter", path.suffix, path.read_bytes())
            for path in sorted(Path(written).iterdir())
        }


def _uses_references(run: Run) -> list[object]:
    references = [(reference.image.sha256, reference.prompt) for reference in run.references]
    return [run.place, run.base_sha256, references, run.spec.reference_views, run.spec.seed]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses_references, __name__, "data.store.examples", "styledrop.views"),
)
def tokenize(run: Run) -> TuningExamples:
    """Encode `reference_views` views of each reference with the base's VQGAN."""
    base, store = open_base(run.spec.base), Store(run.store)
    viewed = [
        (view, reference.prompt)
        for number, reference in enumerate(run.references)
        for view in styledrop.views(
            from_png(store.read_blob(reference.image)),
            run.spec.reference_views,
            seed=draw_seed(run.spec.seed, "views", number),
        )
    ]
    tokens = base.tokenize([view for view, _ in viewed]).cpu().numpy()
    table = examples_to_parquet([prompt for _, prompt in viewed], tokens)
    return TuningExamples(
        table=store.write_blob(f"{run.folder}/references", ".parquet", table), rows=tuple(range(len(viewed)))
    )


def _uses(run: Run, round_number: int, examples: TuningExamples) -> list[object]:
    tuned_on = [examples.table.sha256, examples.rows]
    return [run.place, run.base_sha256, round_number, run.spec.tuning(round_number), run.spec.seed, tuned_on]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses, __name__, "data.store.examples", "styledrop.tuning"),
    task_run_name="tune-round-{round_number}",
)
def tune(run: Run, round_number: int, examples: TuningExamples) -> AdapterRecord:
    """Tune a new adapter on `examples` (StyleDrop, Eq. 3); a killed tuning goes on from its checkpoint.

    Raises:
        StyleWithdrawn: if the style was taken back.
    """
    started = time.monotonic()
    base = open_base(run.spec.base)
    store = Store(run.store)
    style = style_folder(store, run.spec.name)
    refuse_withdrawn(style, read_pointer(style))
    settings, seed = run.spec.tuning(round_number), draw_seed(run.spec.seed, f"round {round_number}")
    prompts, tokens = read_examples(store.read_blob(examples.table), examples.rows)
    # Named after the examples: another round's checkpoint is never taken for this one's.
    digest = hashlib.sha256(f"{examples.table.sha256} {examples.rows}".encode()).hexdigest()
    checkpoint = work_folder(run) / f"round-{round_number}-{digest[:16]}.safetensors"
    resumed = ", from its checkpoint" if checkpoint.exists() else ""
    part, title = f"round {round_number}", f"tune round {round_number}{resumed}"
    with watched(run, part, title, settings.steps, key=artifact_key(run, "tuning", round_number)) as tuning:
        adapter = styledrop.tune(
            base,
            list(zip(torch.from_numpy(tokens), prompts, strict=True)),
            settings,
            seed=seed,
            checkpoint=checkpoint,
            progress=tuning,
            at_once=at_once(),
        )
    card = tuned_card(run, base, list(dict.fromkeys(prompts)), seed=seed)
    return AdapterRecord(
        round_number=round_number,
        files=save_tuned(run, adapter, card, f"round-{round_number}"),
        parameters=adapter.parameter_count(),
        final_loss=tuning.final_loss,
        seconds=round(time.monotonic() - started, 1),
    )
