"""What a base that goes on from another one takes from it."""

import shutil
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from prefect import task
from prefect.cache_policies import NO_CACHE
from torch import Tensor

import styledrop
from data.documents.pretrain_spec import PretrainSpec
from data.errors import PretrainingError
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import finish_stage, open_stage

PARTS = {
    "text": ("text_encoder", "tokenizer"),
    "clip": ("clip",),
    "judge": ("judge",),
    "super_resolution": ("super_resolution",),
}
"""The folders of a base that are taken as they are, by the stage whose result they are."""


def base_to_start_from(spec: PretrainSpec) -> styledrop.Base | None:
    """The base that the spec goes on from, if it names one; on the CPU, where pretraining runs.

    Raises:
        BaseError: it cannot be used.
        PretrainingError: it lacks a part that is taken or gone on from.
    """
    if not spec.start_from:
        return None
    base = styledrop.load_base(spec.start_from)
    missing = [part for part in ("super_resolution", "clip", "judge") if not (base.folder / part).is_dir()]
    if missing:
        raise PretrainingError(
            f"expected a base with all its parts to start from, got {spec.start_from!r} without {missing}; name another"
        )
    return base


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def take_stage(spec: PretrainSpec, stage: str) -> StageRecord:
    """Copy what `stage`, one of `PARTS`, would make from the base that the spec goes on from."""
    base, folder = base_to_start_from(spec), spec.stage_folder(stage)
    assert base is not None, "the flow takes stages only where the spec names a base"
    finished = open_stage(folder, {"start_from": base.sha256})
    if finished is not None:
        return finished

    def copy(result: Path) -> None:
        for part in PARTS[stage]:
            target = result / part if len(PARTS[stage]) > 1 else result
            shutil.copytree(base.folder / part, target, dirs_exist_ok=True)

    return finish_stage(folder, copy)


def read_mixing(tokens: StageRecord) -> Float[Tensor, "new old"]:
    """How the codes of the base gone on from make up the new ones, as `tokenize_corpus` found."""
    return torch.from_numpy(np.load(Path(tokens.folder) / "mixing.npy", allow_pickle=False).astype(np.float32))
