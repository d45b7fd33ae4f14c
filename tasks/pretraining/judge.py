"""The judge: a classifier of real icons, which only evaluation asks."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from styledrop.judge import Judge
from styledrop.pretraining.judge import JudgeTraining, train_judge
from styledrop.pretraining.processes import train_in_processes
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.reporting import Progress


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_judge(spec: PretrainSpec, corpus: StageRecord) -> StageRecord:
    """Train the judge on the sets' own icons; how often it is right on kept ones stands in its config."""
    folder, wanted = spec.stage_folder("judge"), spec.judge
    settings = {"judge": wanted, "seed": spec.seed, "inputs": {"corpus": corpus.sha256}}
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    judge = train_in_processes(spec.processes, _train, spec, corpus)
    return finish_stage(folder, lambda result: judge.to_folder(result))


def _train(spec: PretrainSpec, corpus: StageRecord) -> Judge:
    folder, wanted = spec.stage_folder("judge"), spec.judge
    shown = read_arrays(Path(corpus.folder))
    training = JudgeTraining(schedule=schedule_of(wanted.schedule), min_styles=wanted.min_styles, widths=wanted.widths)
    with Progress("judge", wanted.schedule.num_steps) as progress:
        return train_judge(
            shown.images,
            shown.concept.tolist(),
            shown.style.tolist(),
            shown.split == "train",
            training,
            folder,
            seed=spec.seed,
            report=report_to(progress),
        )
