"""Files from outside, read so that whatever is wrong with one ends as one error that names it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from styledrop.errors import BaseError, StyleDropError


@contextmanager
def reading(
    path: Path, error_type: type[StyleDropError] = BaseError, problem: str = "it cannot be read"
) -> Iterator[None]:
    """Turn what parsers and constructors raise over the content of `path` into an `error_type` that says `problem`."""
    try:
        yield
    except StyleDropError:
        raise
    except Exception as error:  # JSON's, safetensors', torch's, and TypeErrors of all kinds
        words = " ".join(str(error).split())
        raise error_type(
            f"{path}: {problem}: {type(error).__name__}: {words:.2000}; copy the whole folder again"
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BaseError: if the file is missing, is no JSON or holds no object.
    """
    with reading(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise BaseError(f"{path}: expected a JSON object, got {type(content).__name__}; copy the file again")
        return content


def files_sha256(folder: Path, names: Iterable[str]) -> str:
    """Digest of some files in `folder`, with their names."""
    digest = hashlib.sha256()
    for name in sorted(names):
        with (folder / name).open("rb") as file:
            digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
