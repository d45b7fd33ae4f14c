"""TensorBoard logs of tunings.

    STYLEDROP_TENSORBOARD=FOLDER    a folder on this machine for the logs; left out: none are written

    FOLDER/STYLE/RUN/round-1, …, super-resolution    the loss of each step
    FOLDER/STYLE/RUN/samples                         what base and rounds draw in the evaluation; a step is a round

A tuning that goes on from its checkpoint goes on with the same curve. Logs that cannot be written, or without the
package that writes them, are a line in the terminal; the run goes on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from data.records.onboarding import Run
from tasks.reporting import only_reporting

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

FOLDER = "STYLEDROP_TENSORBOARD"


@contextmanager
def loss_log(run: Run, part: str) -> Iterator[Callable[[int, float], None]]:
    """Give a function that logs a step's number and loss, for the tuning `part` of the run."""
    with _writer(run, part) as writer:
        is_well = writer is not None

        def log(step: int, loss: float) -> None:
            nonlocal is_well
            if writer is not None and is_well:
                is_well = False
                with only_reporting(f"the loss in {FOLDER}"):
                    writer.add_scalar("loss", loss, step)
                    is_well = True

        yield log


def log_samples(run: Run, rounds: Sequence[Sequence[Image.Image]]) -> None:
    """Log a strip of images for the base (0) and for each round."""
    with _writer(run, "samples") as writer, only_reporting(f"the samples in {FOLDER}"):
        if writer is None:
            return
        for number, images in enumerate(rounds):
            strip = np.concatenate([np.asarray(image) for image in images], axis=1)
            writer.add_image("samples", strip, number, dataformats="HWC")


@contextmanager
def _writer(run: Run, part: str) -> "Iterator[SummaryWriter | None]":
    wanted, writer = os.environ.get(FOLDER, "").strip(), None
    what = f"{FOLDER}={wanted}"
    if wanted:
        with only_reporting(what):
            from tensorboardX import SummaryWriter

            folder = Path(wanted).expanduser() / run.spec.name / run.key / part
            folder.mkdir(parents=True, exist_ok=True)
            writer = SummaryWriter(str(folder))
    try:
        yield writer
    finally:
        if writer is not None:
            with only_reporting(what):
                writer.close()
