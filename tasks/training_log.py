"""TensorBoard logs of tunings.

    STYLEDROP_TENSORBOARD=FOLDER    a folder on this machine for the logs; left out: none are written

    FOLDER/STYLE/RUN/round-1, …, super-resolution    the loss of each step
    FOLDER/STYLE/RUN/samples                         what base and rounds draw in the evaluation; a step is a round

A tuning that goes on from its checkpoint goes on with the same curve.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from data.errors import SpecError
from data.records.onboarding import Run

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

FOLDER = "STYLEDROP_TENSORBOARD"


@contextmanager
def loss_log(run: Run, part: str) -> Iterator[Callable[[int, float], None]]:
    """Gives what takes the step and its loss, of the tuning `part` of the run.

    Raises:
        SpecError: if logs are asked for and cannot be written.
    """
    with _writer(run, part) as writer:
        yield lambda step, loss: writer.add_scalar("loss", loss, step) if writer is not None else None


def log_samples(run: Run, rounds: Sequence[Sequence[Image.Image]]) -> None:
    """Log a strip of images for the base (0) and for each round.

    Raises:
        SpecError: if logs are asked for and cannot be written.
    """
    with _writer(run, "samples") as writer:
        if writer is None:
            return
        for number, images in enumerate(rounds):
            strip = np.concatenate([np.asarray(image) for image in images], axis=1)
            writer.add_image("samples", strip, number, dataformats="HWC")


@contextmanager
def _writer(run: Run, part: str) -> "Iterator[SummaryWriter | None]":
    wanted = os.environ.get(FOLDER, "").strip()
    if not wanted:
        yield None
        return
    folder = Path(wanted).expanduser() / run.spec.name / run.key / part
    try:
        from tensorboardX import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
    except ImportError as error:
        raise SpecError(
            f"{FOLDER}: expected tensorboardX to write logs with, got none; install it: pip install '.[tensorboard]'"
        ) from error
    except OSError as error:
        raise SpecError(
            f"{FOLDER}: expected a folder that can be written, got {wanted!r}: {error.strerror}; choose another, or "
            "leave the variable out"
        ) from error
    with SummaryWriter(str(folder)) as writer:
        yield writer
