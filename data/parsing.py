"""Records read from JSON at an address, and in one line what is wrong with it."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from data.documents.words import shown
from data.errors import StoreCorrupted

Model = TypeVar("Model", bound=BaseModel)


def parse_record(content: bytes, kind: type[Model], where: str, advice: str = "move it away") -> Model:
    """The `kind` of record whose JSON lies at the address `where`.

    Raises:
        StoreCorrupted: if it cannot be read as one: it is damaged, or of another release. `advice` says what to do.
        StoreError: if it has a layout of a later release.
    """
    try:
        return kind.model_validate_json(content, context=where)
    except ValidationError as error:
        raise StoreCorrupted(
            f"expected a {kind.__name__} at {where}, got something else, perhaps of another release: "
            f"{problem_in(error)}; {advice}"
        ) from error


def problem_in(error: Exception) -> str:
    """What is wrong, in one line: of pydantic's many, the first."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        return f"{shown('.'.join(str(part) for part in problem['loc']), 100)}: {shown(problem['msg'], 200)}"
    return shown(str(error), 300)
