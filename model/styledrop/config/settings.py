"""What all settings have in common."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator


class Settings(BaseModel):
    """Base of all settings: frozen, checked when made, and a field that they do not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _yes_is_no_number(cls, given: Any) -> Any:
        # YAML's `yes` would be taken for 1, `no` for 0.
        if isinstance(given, Mapping):
            for name, value in given.items():
                field = cls.model_fields.get(name)
                if field is not None and isinstance(value, bool) and _is_number(field.annotation):
                    raise ValueError(f"{name}: expected a number, got {value}; write it in digits")
        return given


def completed(whole: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, with what it leaves out as in `whole`, part by part."""
    made = dict(whole)
    for key, value in given.items():
        old = whole.get(key)
        made[key] = completed(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return made


def _is_number(kind: Any) -> bool:
    """Whether a field of this kind takes a number, or none."""
    return kind in (int, float) or any(_is_number(part) for part in get_args(kind))
