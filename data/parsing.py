"""What is wrong with what comes from outside, in one line."""

from pydantic import ValidationError


def problem_in(error: Exception) -> str:
    """What is wrong, in one line: of pydantic's many, the first."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
    return " ".join(str(error).split())
