"""The judge: a classifier of real icons, which only evaluation asks."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from styledrop.judge import Judge
from styledrop.pretraining.judge import train_judge
from styledrop.pretraining.processes import train_in_processes
from tasks.pretraining.stage_folder import run_stage
from tasks.pretraining.training_report import training_report


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_judge(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Train the judge on the sets' own icons; how often it is right on kept ones stands in its config."""
    return run_stage(
        spec,
        "judge",
        settings={"judge": spec.judge, "seed": spec.seed},
        inputs={"corpus": corpus},
        make=lambda: train_in_processes(spec.processes, _train, spec, corpus),
        write=lambda judge, result: judge.to_folder(result),
    )


def _train(spec: PretrainSpec, corpus: StageRecord) -> Judge:
    shown = read_arrays(Path(corpus.folder))
    with training_report("judge", spec.judge.schedule) as report:
        return train_judge(
            shown.images,
            shown.concept.tolist(),
            shown.style.tolist(),
            shown.split == "train",
            spec.judge,
            spec.stage_folder("judge"),
            seed=spec.seed,
            report=report,
        )
