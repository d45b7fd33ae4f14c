"""What follows from the base that a document names: how it is tuned and sampled, unless the document says otherwise.

A section that is left out is the base's own (`data.documents.defaults.of_base`); one that names some of its fields gets
the others from there.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from data.addresses import check_address
from data.documents.defaults import of_base
from data.documents.words import Words
from styledrop.config.defaults import EMBEDDED, PAPER, Defaults
from styledrop.config.sampling import LambdaA, LambdaB, SamplingConfig
from styledrop.config.settings import Settings
from styledrop.config.tuning import RATES, AdapterTuning, Tuning, as_method


def _checked(address: str) -> str:
    address = check_address(address)
    of_base(address)  # here, where what is wrong with them is said of this field
    return address


BaseAddress = Annotated[str, AfterValidator(_checked)]
"""Of a base; it stands before all that follows from it."""


class SamplingSettings(SamplingConfig):
    """How images are drawn from a tuned base (StyleDrop, Eq. 4)."""

    lambda_a: LambdaA | None = None
    """How far towards the style (λ_A); the paper: 0 to 2. Left out: what was chosen for the style by a sweep, or where
    nothing has been chosen yet (candidates) the default of the base."""
    lambda_b: LambdaB = PAPER.guidance.lambda_b
    negative_prompt: Words = ""
    """What to move away from."""

    def lambda_a_or(self, base: Defaults) -> float:
        """What images are drawn with: the base's default where none was chosen."""
        return base.guidance.lambda_a if self.lambda_a is None else self.lambda_a


def sampling_of(base: Defaults) -> SamplingSettings:
    """How a document that says nothing draws from the base whose defaults these are."""
    return SamplingSettings(**base.sampling.model_dump(), lambda_b=base.guidance.lambda_b)


def candidate_sampling_of(base: Defaults) -> SamplingSettings:
    """How it draws candidates."""
    lambda_b = base.guidance.lambda_b if base.candidate_lambda_b is None else base.candidate_lambda_b
    return sampling_of(base).model_copy(update={"lambda_b": lambda_b})


def left_out(field: str) -> Callable[[dict[str, Any]], Any]:
    """For a field's `default_factory`: what its base says."""
    return lambda data: _sections(data)[field]


def for_another_base(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a spec (as JSON) but for what suits its base: what is said anew for another one.

    Methods and negative prompts stay, as no base says anything of them.
    """
    kept = dict(settings)
    for field in _sections({}).keys() & settings.keys():
        section = kept.pop(field)
        if isinstance(section, Mapping):
            kept[field] = {name: section[name] for name in ("method", "negative_prompt") if name in section}
    return kept


def _sections(data: Mapping[str, Any]) -> dict[str, Settings | int]:
    """All that follows from the base in a document of which `data` is checked, by field."""
    base = of_base(data.get("base", EMBEDDED))
    sampling = sampling_of(base)
    return {
        "first_round": base.first_round,
        "reference_views": base.reference_views,
        "later_rounds": base.later_rounds,
        "enlarging": base.enlarging,
        "candidate_sampling": candidate_sampling_of(base),
        "evaluation_sampling": sampling,
        "sampling": sampling,
    }


def _completed(given: Any, info: ValidationInfo) -> Any:
    """What the document leaves out of a section; a method alone stands for the whole of a tuning."""
    assert info.field_name is not None
    default = _sections(info.data)[info.field_name]
    if isinstance(default, AdapterTuning):
        given = {"method": given} if isinstance(given, str) else given
        method = given.get("method") if isinstance(given, Mapping) else None
        default = as_method(default, method) if isinstance(method, str) and method in RATES else default
    return {**default.model_dump(), **given} if isinstance(default, Settings) and isinstance(given, Mapping) else given


FOLLOWS_BASE = BeforeValidator(_completed)
"""For a section: what is left out of it is as the base says."""


def _any_method(schema: dict[str, Any]) -> None:
    """Let a document leave the method out: by JSON Schema's `oneOf` it would then be of all kinds at once."""
    schema["anyOf"] = [*schema.pop("oneOf"), {"type": "string", "enum": list(schema.pop("discriminator")["mapping"])}]


RoundTuning = Annotated[Tuning, FOLLOWS_BASE, Field(discriminator="method", json_schema_extra=_any_method)]
"""Of a round, by any method."""

Sampling = Annotated[SamplingSettings, FOLLOWS_BASE]
