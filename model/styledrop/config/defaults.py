"""How a base is tuned and sampled if nobody says otherwise: what its card says, or what is known of bases of its shape.

A card has them as `defaults`. Only JSON is read, so documents can be completed where no weights are loaded.
"""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from styledrop.config.sampling import Guidance, LambdaA, LambdaB, SamplingConfig
from styledrop.config.settings import Settings, completed
from styledrop.config.tuning import AdapterTuning

EMBEDDED = "embedded"
"""The name of the base that comes with this library."""

EMBEDDED_FOLDER = Path(__file__).parents[1] / EMBEDDED


class Defaults(Settings):
    """All that fits one base and not another."""

    first_round: AdapterTuning
    """Tuning on the references."""
    reference_views: int = Field(ge=1, le=1024)
    """Copies of each reference that round 1 is tuned on, the reference among them."""
    later_rounds: AdapterTuning
    """Tuning on kept candidates."""
    enlarging: AdapterTuning
    """Tuning of super-resolution on the references."""
    sampling: SamplingConfig
    """Of all images."""
    guidance: Guidance
    """Of all images; λ_A is for images that none was chosen for."""
    candidate_lambda_b: LambdaB | None = None
    """Of candidates; none: as of all images."""
    lambdas_a: tuple[LambdaA, ...] = Field(min_length=1)
    """What is tried when λ_A is chosen for a style."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Of generator and text encoder; none: as the device has it."""


PAPER = Defaults(
    first_round=AdapterTuning(),
    reference_views=1,
    later_rounds=AdapterTuning(bottleneck=32, share_across_layers=False),
    enlarging=AdapterTuning(learning_rate=1e-4, bottleneck=32, share_across_layers=False),
    sampling=SamplingConfig(),
    guidance=Guidance(),
    lambdas_a=(0.0, 0.5, 1.0, 2.0),
)
"""Table S3."""

AMUSED = PAPER.model_copy(
    update={
        "sampling": SamplingConfig(steps=12, temperature=(2.0, 0.0)),
        "guidance": Guidance(lambda_b=9.0),  # aMUSEd's scale of 10 counts from one
    }
)
"""Tuned as in Table S3, sampled as aMUSEd's own pipelines do (arXiv:2401.01808)."""

_AMUSED_SHAPE = {"hidden_size": 1024, "num_hidden_layers": 22, "codebook_size": 8192}
_AMUSED_SIDES = (16, 32)
"""Of the latent grid: 256 and 512 px."""


def defaults_of(folder: Path) -> tuple[Defaults, str]:
    """What fits the base in `folder`, and how that is known, in words. A folder that holds no base has the paper's.

    What a card leaves out is as for a base of that shape without a card.

    Raises:
        ValueError: its card has `defaults` that cannot be used.
    """
    found, source = _known_by_shape(folder)
    card = folder / "card.json"
    said = _read(card).get("defaults")
    if said is None:
        return found, source
    if not isinstance(said, dict):
        raise ValueError(f"{card}: expected fields and values as its defaults, got {type(said).__name__}; mend them")
    try:
        return Defaults.model_validate(completed(found.model_dump(), said)), "the base's card"
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in error.errors())
        raise ValueError(f"{card}: its defaults cannot be used: {wrong}; mend them") from error


def _known_by_shape(folder: Path) -> tuple[Defaults, str]:
    shape = _read(folder / "transformer" / "config.json")
    side = shape.get("sample_size")
    if side in _AMUSED_SIDES and all(shape.get(name) == value for name, value in _AMUSED_SHAPE.items()):
        return AMUSED, f"the base's shape, aMUSEd-{16 * side}'s: Table S3 of the paper, and aMUSEd's own sampling"
    return PAPER, "Table S3 of the paper, as the base's card says nothing and its shape is not known"


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is none: `Base.from_pretrained` says what is wrong with a base."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
