"""A warm start: what a base takes from the one that it goes on from."""

import shutil
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.documents.pretrain_spec import PretrainSpec
from data.errors import PretrainingError
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import run_stage

PARTS = {
    "text": ("text_encoder", "tokenizer"),
    "clip": ("clip",),
    "vqgan": ("vqvae",),
    "generator": ("transformer",),
    "super_resolution": ("super_resolution",),
}
"""The folders of a base by the stage that makes them, for stages that can be copied."""


def base_to_start_from(spec: PretrainSpec) -> styledrop.Base | None:
    """The base that the spec goes on from, if it names one; on the CPU, where pretraining runs.

    Raises:
        BaseError: it cannot be used.
        PretrainingError: it lacks a part that is copied or gone on from.
    """
    if not spec.start_from:
        return None
    base = styledrop.Base.from_pretrained(spec.start_from)
    missing = [part for part in ("super_resolution", "clip") if not (base.folder / part).is_dir()]
    if missing:
        raise PretrainingError(
            f"expected a base with all its parts to start from, got {spec.start_from!r} without {missing}; name another"
        )
    return base


def digest_to_start_from(spec: PretrainSpec) -> dict[str, StageRecord | str]:
    """The digest of the base that the spec goes on from, if any: an input of the stages that start from its weights."""
    base = base_to_start_from(spec)
    return {} if base is None else {"start_from": base.sha256}


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def copy_stage(spec: PretrainSpec, stage: str) -> StageRecord:
    """Copy the result of `stage`, one of `PARTS`, from the base that the spec goes on from."""
    base = base_to_start_from(spec)
    assert base is not None, "the flow copies stages only where the spec names a base"

    def copy(folder: Path, result: Path) -> None:
        for part in PARTS[stage]:
            target = result / part if len(PARTS[stage]) > 1 else result
            shutil.copytree(folder / part, target, dirs_exist_ok=True)

    return run_stage(spec, stage, settings={"start_from": base.sha256}, inputs={}, make=lambda: base.folder, write=copy)
