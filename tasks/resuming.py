"""How a run goes on where it was killed: results of finished tasks, and a folder for what is not finished yet.

A result is found again by what its task uses and by the code that makes it, nothing else: a run of another spec finds
it too, if the two differ in other things only. A result whose files are gone from the store, or that cannot be read any
more, is passed over, and made again.

The folder holds checkpoints of tunings. It is found again by a run with the same key. Losing it costs time, never
correctness.

    STYLEDROP_WORK=FOLDER    where these folders lie, on this machine; default: ~/.cache/styledrop/work
"""

import ast
import hashlib
import importlib.util
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.results import ResultStore
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from data.addresses import absolute
from data.errors import AddressError, SpecError, StoreError
from data.records.onboarding import Run
from data.records.record import Blob, Record
from data.store.files import blob_exists

_LIBRARY = "styledrop."


def cache_by(uses: Callable[..., Sequence[object]], *modules: str) -> CachePolicy:
    """Serve a finished result to a task that uses the same, made by the same code.

    Args:
        uses: Takes the task's own arguments, and names what of them the result depends on.
        modules: The code that makes it; the first is the task's own module.
    """

    def key(context: TaskRunContext, arguments: dict[str, Any]) -> str:
        used = to_jsonable_python([modules, code_digest(*modules), uses(**arguments)])
        keys = (_digest([*used, attempt] if attempt else used) for attempt in itertools.count())
        return next(key for key in keys if not _is_lost(context.result_store, key))

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


def _digest(used: object) -> str:
    return hashlib.sha256(json.dumps(used).encode()).hexdigest()


def _is_lost(results: ResultStore, key: str) -> bool:
    """Whether there is a result that cannot be used: files that it names are gone, or today's code cannot read it."""
    if not results.exists(key):
        return False
    try:
        result = results.read(key).result
    except Exception:  # of Prefect's storages, its serializer, pydantic
        return True
    if not isinstance(result, Record):  # its class is gone: Prefect gives what it was made of
        return True
    try:
        return not all(blob_exists(blob) for blob in _blobs(result))
    except StoreError:  # out of reach for a while is not gone
        return False


def _blobs(result: object) -> Iterator[Blob]:
    if isinstance(result, Blob):
        yield result
    elif isinstance(result, BaseModel):
        yield from _blobs(dict(result))
    elif isinstance(result, Mapping):
        yield from _blobs(list(result.values()))
    elif isinstance(result, (list, tuple)):
        for part in result:
            yield from _blobs(part)


def run_lock(run: Run) -> Path:
    """The file whose lock one process at a time holds for the run; it lies beside the run's own folder.

    Raises:
        SpecError: if it cannot be written there.
    """
    path = _work_path(run)
    _make_writable(path.parent)
    return path.with_name(f"{path.name}.lock")


def work_folder(run: Run) -> Path:
    """The run's own folder under $STYLEDROP_WORK (default: ~/.cache/styledrop/work); it exists afterwards.

    Raises:
        SpecError: if it cannot be written.
    """
    folder = _work_path(run)
    _make_writable(folder)
    return folder


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
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
