"""JSON from outside: what it says, and in one line what is wrong with it."""

import json
from typing import Any

from pydantic import ValidationError


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
