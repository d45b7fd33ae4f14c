"""The corpus: packages from npm, then images and captions, done before anything trains."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import build, packages
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import run_stage


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=[5, 30])
def fetch_packages(spec: PretrainSpec) -> None:
    """Fetch the pinned npm packages that are not there yet (about 125 MB).

    Raises:
        CorpusError: if there is no npm, or it cannot fetch them.
    """
    packages.fetch_packages(spec.packages_folder)


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def build_corpus(spec: PretrainSpec) -> StageRecord:
    """Render the training styles, with their layers, as arrays at the base's size.

    Raises:
        CorpusError: if the packages are not what the corpus is built from.
    """
    return run_stage(
        spec,
        "corpus",
        settings={
            "packages": dict(packages.PACKAGES.values()),
            "tables": build.tables_sha256(),
            "size_px": spec.size_px,
            "made_from": {"words": build.words_sha256()},
            "format": "arrays",
        },
        inputs={},
        make=lambda: None,
        write=lambda _, result: build.build_corpus(spec.packages_folder, result, spec.size_px),
    )
