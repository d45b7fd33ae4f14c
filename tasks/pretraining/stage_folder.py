"""What a stage of pretraining leaves in its folder, and whether it has to be done at all.

    settings.json   what it was asked for, its inputs by digest included
    checkpoint.safetensors, curve.jsonl   of the training loop
    pictures.png    what it makes, for eyes
    result/         what later stages use
    done.json       the record of a finished stage, written last

A stage with other settings is never mixed with the one that lies there. Only the number of steps may grow: the stage
then goes on from its checkpoint. `made_from` holds digests of tables of this repository.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from pydantic import BaseModel

from data.documents.pretrain_spec import PretrainSpec
from data.errors import SettingsChanged
from data.records.pretraining import StageRecord

_MAY_GROW = ("num_steps", "decay_steps")


Made = TypeVar("Made")


def run_stage(
    spec: PretrainSpec,
    name: str,
    *,
    settings: Mapping[str, Any],
    inputs: Mapping[str, StageRecord | str],
    make: Callable[[], Made],
    write: Callable[[Made, Path], object],
    picture: Callable[[Made], Image.Image] | None = None,
) -> StageRecord:
    """Do the stage `name`, unless it lies there finished.

    Args:
        spec: Says where.
        name: Of the stage's folder.
        settings: All that the result depends on beside the inputs, as JSON or as parts of the spec.
        inputs: Earlier stages, or digests of what else is used.
        make: Does the work; a training loop goes on from the checkpoint in the folder.
        write: Puts what was made into a new, empty folder.
        picture: Draws it for eyes.

    Raises:
        SettingsChanged: if what lies there was asked for with other settings or inputs.
    """
    folder = spec.stage_folder(name)
    digests = {key: one if isinstance(one, str) else one.sha256 for key, one in inputs.items()}
    finished = open_stage(folder, {**settings, "inputs": digests} if digests else settings)
    if finished is not None:
        return finished
    started = time.monotonic()
    made = make()
    if picture is not None:
        picture(made).save(folder / "pictures.png")
    return finish_stage(folder, lambda result: write(made, result), started=started)


def open_stage(folder: Path, settings: Mapping[str, Any]) -> StageRecord | None:
    """The record of the finished stage; None if there is work to do, from the start or from a checkpoint.

    The values of `settings` are JSON or parts of the spec.

    Raises:
        SettingsChanged: if what lies in `folder` was asked for with other settings.
    """
    wanted = json.loads(json.dumps(settings, default=_dumped))
    path, finished = folder / "settings.json", None
    if path.is_file():
        found = json.loads(path.read_text())
        _check_unchanged(folder, _flat(found), _flat(wanted))
        if found == wanted:
            finished = _finished(folder)
        else:
            (folder / "done.json").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)
    return finished


def finish_stage(folder: Path, write_result: Callable[[Path], object], *, started: float) -> StageRecord:
    """Let `write_result` write the result, and record the stage as finished.

    A stage without a curve took from `started` (`time.monotonic`) until now; the training loop counts over all runs.
    """
    result, partial = folder / "result", folder / "result.partial"
    for leftover in (result, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
    write_result(partial)
    os.replace(partial, result)
    curve = folder / "curve.jsonl"
    lines = curve.read_text().splitlines() if curve.is_file() else []
    figures = json.loads(lines[-1]) if lines else {"seconds": time.monotonic() - started}
    record = StageRecord(
        folder=str(result),
        sha256=folder_sha256(result),
        size_bytes=sum(path.stat().st_size for path in result.rglob("*") if path.is_file()),
        seconds=round(figures.pop("seconds"), 1),
        steps=int(figures.pop("step", 0)),
        figures=figures,
    )
    write_json(folder / "done.json", record.model_dump(mode="json"))
    return record


def folder_sha256(folder: Path) -> str:
    """Digest of the names and contents of all files below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write `document` in one rename."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _finished(folder: Path) -> StageRecord | None:
    path = folder / "done.json"
    if not path.is_file():
        return None
    record = StageRecord.model_validate_json(path.read_text())
    # The work folder may have been moved as a whole; a result that was changed is made again.
    result = folder / "result"
    return record.model_copy(update={"folder": str(result)}) if folder_sha256(result) == record.sha256 else None


def _dumped(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json")


def _check_unchanged(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    changed = []
    for key in sorted(found.keys() | wanted.keys()):
        old, new = (settings.get(key, "no such setting") for settings in (found, wanted))
        if old == new:
            continue
        if key.rpartition(".")[2] in _MAY_GROW and isinstance(old, int) and isinstance(new, int):
            if new < old:
                changed.append(f"{key}: expected at least {old}, got {new}")
        else:
            changed.append(f"{key}: expected {old!r:.80}, got {new!r:.80}")
    if changed:
        raise SettingsChanged(
            f"{folder} was made with other settings: {'; '.join(changed)}; take another work folder, "
            "or remove this one to train the stage anew"
        )


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
