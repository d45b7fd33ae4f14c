"""What is tuned to a style: an adapter in each round, and super-resolution's (StyleDrop, Tab. S3).

The first round is tuned on the references as VQGAN tokens, once per view of an image.
"""

import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from prefect import task

import styledrop
from data.errors import SpecError
from data.pictures.images import from_png
from data.records.onboarding import AdapterRecord, Run, TunedRecord, TuningExamples
from data.store.candidates import examples_to_parquet, read_examples
from data.store.files import Store, read_blob
from data.store.pointer import read_pointer, refuse_withdrawn, style_folder
from tasks.machine import at_once
from tasks.models import open_base
from tasks.onboarding.artifacts import artifact_key
from tasks.onboarding.card import tuned_card
from tasks.reporting import Progress
from tasks.resuming import cache_by, work_folder
from tasks.sampling import draw_seed
from tasks.training_log import loss_log


def _uses_references(run: Run) -> list[object]:
    references = [(reference.image.sha256, reference.prompt) for reference in run.references]
    return [run.place, run.base_sha256, references, run.spec.reference_views, run.spec.seed]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses_references, __name__, "data.store.candidates", "styledrop.views"),
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
    cache_policy=cache_by(_uses, __name__, "data.store.candidates", "styledrop.tuning"),
    task_run_name="tune-round-{round_number}",
)
def tune(run: Run, round_number: int, examples: TuningExamples) -> AdapterRecord:
    """Tune a new adapter on `examples` (StyleDrop, Eq. 3); a killed tuning goes on from its checkpoint.

    Raises:
        StyleWithdrawn: if the style was taken back.
    """
    base, store = open_base(run.spec.base), Store(run.store)
    style = style_folder(store, run.spec.name)
    refuse_withdrawn(style, read_pointer(style))
    prompts, tokens = read_examples(store.read_blob(examples.table), examples.rows)
    seed = draw_seed(run.spec.seed, f"round {round_number}")
    # Named after the examples: another round's checkpoint is never taken for this one's.
    digest = hashlib.sha256(f"{examples.table.sha256} {examples.rows}".encode()).hexdigest()
    tuned = _tuned(
        run,
        f"round {round_number}",
        styledrop.tune,
        base,
        list(zip(torch.from_numpy(tokens), prompts, strict=True)),
        run.spec.tuning(round_number),
        tuned_card(run, base, list(dict.fromkeys(prompts)), seed=seed),
        seed=seed,
        folder=f"round-{round_number}",
        checkpoint=f"round-{round_number}-{digest[:16]}",
        key=artifact_key(run, "tuning", round_number),
    )
    return AdapterRecord(round_number=round_number, **dict(tuned))


def _uses_large(run: Run) -> list[object]:
    references = [(reference.image.sha256, reference.prompt) for reference in run.large_references]
    large = open_base(run.spec.base).large.sha256
    return [run.place, run.base_sha256, large, references, run.spec.enlarging, run.spec.seed]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses_large, __name__, "styledrop.enlarge"),
)
def tune_enlarging(run: Run) -> TunedRecord:
    """Tune super-resolution to the references; a killed tuning goes on from its checkpoint."""
    base, seed = open_base(run.spec.base), draw_seed(run.spec.seed, "enlarging")
    pairs = [(from_png(read_blob(example.image)), example.prompt) for example in run.large_references]
    return _tuned(
        run,
        "super-resolution",
        styledrop.tune_enlarging,
        base,
        pairs,
        run.spec.enlarging,
        tuned_card(run, base.large, [prompt for _, prompt in pairs], seed=seed),
        seed=seed,
        folder="enlarging",
        checkpoint="enlarging",
    )


def _tuned(
    run: Run,
    part: str,
    tuner: Callable[..., styledrop.Tuned],
    base: styledrop.Base,
    pairs: Sequence[tuple[object, str]],
    settings: styledrop.Tuning,
    card: styledrop.Card,
    *,
    seed: int,
    folder: str,
    checkpoint: str,
    key: str | None = None,
) -> TunedRecord:
    """Let `tuner` tune the `part` of the style on `pairs`, show how it gets on, and put its files into `folder`.

    With a `key` the bar is a Prefect artifact of that key.

    Raises:
        SpecError: if the loss is no number, or the checkpoint is another run's or cannot be written.
    """
    started, final_loss = time.monotonic(), math.nan
    path = work_folder(run) / f"{checkpoint}.safetensors"
    title = f"tune {part}{', from its checkpoint' if path.exists() else ''}"
    with Progress(title, settings.steps, key=key) as progress, loss_log(run, part.replace(" ", "-")) as log_loss:

        def show(done: int, _: int, loss: float) -> None:
            nonlocal final_loss
            final_loss = loss
            log_loss(done, loss)
            progress.update(done, f"loss {loss:.3f}")

        try:
            adapter = tuner(
                base,
                pairs,
                settings,
                seed=seed,
                checkpoint=path,
                progress=show,
                at_once=at_once(),
            )
        except styledrop.StyleDropError as error:
            raise SpecError(f"{run.spec.name!r}, {part}: {error}") from error
    store = Store(run.store)
    with tempfile.TemporaryDirectory() as written:
        styledrop.save_adapter(adapter, card, Path(written))
        files = {
            file.name: store.write_blob(f"{run.folder}/{folder}/adapter", file.suffix, file.read_bytes())
            for file in sorted(Path(written).iterdir())
        }
    return TunedRecord(
        files=files,
        parameters=adapter.parameter_count(),
        final_loss=final_loss,
        seconds=round(time.monotonic() - started, 1),
    )
