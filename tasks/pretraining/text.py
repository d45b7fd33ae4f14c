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
from styledrop.pretraining.text import train_text
from styledrop.text import TextEncoder
from tasks.pretraining.stage_folder import run_stage
from tasks.pretraining.training_report import training_report


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_text(spec: PretrainSpec, sentences: StageRecord) -> StageRecord:
    """Train T; the result holds `text_encoder/` and `tokenizer/`."""
    # In half precision, as it ships: later stages train on what a user gets.
    return run_stage(
        spec,
        "text",
        settings={"text": spec.text, "seed": spec.seed},
        inputs={"sentences": sentences},
        make=lambda: train_in_processes(spec.processes, _train, spec, sentences),
        write=lambda text, result: text.to_folder(result / "text_encoder", result / "tokenizer", torch.float16),
    )


def open_text(text: StageRecord) -> TextEncoder:
    """The encoder in `text`, in single precision."""
    folder = Path(text.folder)
    return TextEncoder.from_folder(folder / "text_encoder", folder / "tokenizer").float()


def _train(spec: PretrainSpec, sentences: StageRecord) -> TextEncoder:
    folder = Path(sentences.folder)
    with training_report("text encoder", spec.text.schedule) as report:
        return train_text(
            json.loads((folder / "sentences.json").read_text(encoding="utf-8")),
            np.load(folder / "vectors.npy"),
            spec.text,
            spec.stage_folder("text"),
            seed=spec.seed,
            report=report,
        )
