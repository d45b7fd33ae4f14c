"""The text encoder, distilled from the teacher's sentence vectors."""

import json
from pathlib import Path

import numpy as np
import torch
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.text import TextTraining, train_text
from styledrop.text import TextEncoder
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.reporting import Progress


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_text(spec: PretrainSpec, sentences: StageRecord) -> StageRecord:
    """Train T; the result holds `text_encoder/` and `tokenizer/`."""
    folder = spec.stage_folder("text")
    settings = {
        "text": spec.text,
        "seed": spec.seed,
        "inputs": {"sentences": sentences.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    text = train_in_processes(spec.processes, _train, spec, sentences)
    # In half precision, as it ships: later stages train on what a user gets.
    return finish_stage(
        folder, lambda result: text.to_folder(result / "text_encoder", result / "tokenizer", torch.float16)
    )


def open_text(text: StageRecord) -> TextEncoder:
    """The encoder in `text`, in single precision."""
    folder = Path(text.folder)
    return TextEncoder.from_folder(folder / "text_encoder", folder / "tokenizer").float()


def _train(spec: PretrainSpec, sentences: StageRecord) -> TextEncoder:
    wanted, folder = spec.text, Path(sentences.folder)
    training = TextTraining(
        schedule=schedule_of(wanted.schedule),
        num_merges=wanted.num_merges,
        max_length=wanted.max_length,
        width=wanted.width,
        layers=wanted.layers,
        heads=wanted.heads,
        embed_dim=wanted.embed_dim,
    )
    with Progress("text encoder", wanted.schedule.num_steps) as progress:
        return train_text(
            json.loads((folder / "sentences.json").read_text(encoding="utf-8")),
            np.load(folder / "vectors.npy"),
            training,
            spec.stage_folder("text"),
            seed=spec.seed,
            report=report_to(progress),
        )
