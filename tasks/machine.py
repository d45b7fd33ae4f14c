"""What a run asks of its machine: settings of the process, no part of any spec.

    STYLEDROP_DEVICE=cuda:1     cpu, or cuda or cuda:N; default: the accelerator, if there is one
    STYLEDROP_DTYPE=bfloat16    float32, bfloat16 or float16, of generator and text encoder; default: what the base's
                                card says, or bfloat16 on an accelerator that multiplies in it, else float32. The
                                VQGAN stays in float32.
    STYLEDROP_AT_ONCE=4         images that are drawn at a time, and images of a tuning step that are in memory at a
                                time; default: 16, and all of a step. Fewer need less memory and more time.

Another device or dtype rounds otherwise, so the same seed may draw another image there. How many images are drawn at a
time changes the rounding too, but so little that an image seldom differs.
"""

import os

import torch

from data.errors import SpecError
from styledrop.precision import fastest_dtype

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device() -> str:
    """Where bases and scorers are loaded.

    Raises:
        SpecError: if $STYLEDROP_DEVICE is none that this machine has.
    """
    wanted = os.environ.get("STYLEDROP_DEVICE", "").strip()
    if not wanted:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if torch.device(wanted).type not in ("cpu", "cuda", "mps", "xpu"):
            raise ValueError(wanted)
        torch.zeros(1, device=wanted).cpu()
    except Exception as error:  # torch's own are RuntimeError, AssertionError, ValueError, …
        raise SpecError(
            f"STYLEDROP_DEVICE: expected cpu, or cuda or cuda:N (N below {torch.cuda.device_count()} here), got "
            f"{wanted!r}; set it to a device that this machine has, or leave it out"
        ) from error
    return wanted


def dtype(of_card: str | None = None) -> torch.dtype:
    """The dtype that a base's generator and text encoder are loaded in; `of_card` is the one on its card.

    Raises:
        SpecError: if $STYLEDROP_DTYPE is none of `DTYPES`.
    """
    wanted = os.environ.get("STYLEDROP_DTYPE", "").strip() or of_card or ""
    if not wanted:
        chosen = torch.device(device())
        return torch.float32 if chosen.type == "cpu" else fastest_dtype(chosen)
    if wanted not in DTYPES:
        raise SpecError(
            f"STYLEDROP_DTYPE: expected {', '.join(DTYPES)}, got {wanted!r}; set it to one, or leave it out"
        )
    return DTYPES[wanted]


def at_once() -> int | None:
    """How many images are drawn at a time, or lie in memory in a tuning step; None if $STYLEDROP_AT_ONCE is not set.

    Raises:
        SpecError: if $STYLEDROP_AT_ONCE is no number above zero.
    """
    wanted = os.environ.get("STYLEDROP_AT_ONCE", "").strip()
    if not wanted:
        return None
    if not wanted.isascii() or not wanted.isdecimal() or int(wanted) < 1:
        raise SpecError(
            f"STYLEDROP_AT_ONCE: expected a number of images of at least 1, got {wanted!r}; or leave it out"
        )
    return int(wanted)
