"""How a run goes on where it was killed: results of finished tasks, and a folder for what is not finished yet.

A result is found again by what its task uses and by the code that makes it, nothing else: a run of another spec finds
it too, if the two differ in other things only.

The folder holds checkpoints of tunings. It is found again by a run with the same key. Losing it costs time, never
correctness.

    STYLEDROP_WORK=FOLDER    where these folders lie, on this machine; default: ~/.cache/styledrop/work
"""

import ast
import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from pydantic_core import to_jsonable_python

from data.addresses import absolute
from data.errors import AddressError, SpecError
from data.records.onboarding import Run

_LIBRARY = "styledrop."


def cache_by(uses: Callable[..., Sequence[object]], *modules: str) -> CachePolicy:
    """Serve a finished result to a task that uses the same, made by the same code.

    Args:
        uses: Takes the task's own arguments, and names what of them the result depends on.
        modules: The code that makes it; the first is the task's own module.
    """

    def key(_: TaskRunContext, arguments: dict[str, Any]) -> str:
        used = json.dumps(to_jsonable_python([modules, code_digest(*modules), uses(**arguments)]))
        return hashlib.sha256(used.encode()).hexdigest()

    return CachePolicy.from_cache_key_fn(key)


@cache
def code_digest(*modules: str) -> str:
    """Digest of the source of `modules`, and of what those of the library import of the library."""
    found: dict[str, bytes] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        found[module] = Path(spec.origin).read_bytes()
        if module.startswith(_LIBRARY):
            imports = (node for node in ast.walk(ast.parse(found[module])) if isinstance(node, ast.ImportFrom))
            waiting += [node.module for node in imports if node.module and node.module.startswith(_LIBRARY)]
    digest = hashlib.sha256()
    for module, source in sorted(found.items()):
        digest.update(f"{module} {hashlib.sha256(source).hexdigest()}\n".encode())
    return digest.hexdigest()


def work_folder(run: Run) -> Path:
    """The run's own folder under $STYLEDROP_WORK (default: ~/.cache/styledrop/work); it exists afterwards.

    Raises:
        SpecError: if it cannot be written.
    """
    folder = _work_path(run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise SpecError(
            f"STYLEDROP_WORK: expected a folder that can be written, got {folder}: {error.strerror}; set it to another"
        ) from error


def remove_work_folder(run: Run) -> None:
    """Remove the run's folder; nothing happens if there is none."""
    shutil.rmtree(_work_path(run), ignore_errors=True)


def _work_path(run: Run) -> Path:
    try:
        root = absolute(os.environ.get("STYLEDROP_WORK") or "~/.cache/styledrop/work")
        if "://" in root:
            raise AddressError(f"expected a folder of this machine, got {root}")
    except AddressError as error:
        raise SpecError(f"STYLEDROP_WORK: {error}") from error
    return Path(root) / run.key
