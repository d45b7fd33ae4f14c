"""What all records have in common, the file in the store that they point at, and how JSON from outside is read."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """Base of all records: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_json(content: bytes | str) -> Any:
    """What the JSON in `content` says.

    Raises:
        ValueError: if it is none, or nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("values nested too deeply") from None


def problem_in(error: Exception) -> str:
    """What is wrong, in one line: of pydantic's many, the first."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
    return " ".join(str(error).split())


class Blob(Record):
    """A file in the store which never changes."""

    uri: str
    sha256: Sha256
    size_bytes: int
