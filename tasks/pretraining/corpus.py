"""The corpus: packages from npm, then images and captions.

They are done before anything trains, and later stages only open arrays.
"""

import shutil
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data import corpus
from data.corpus import build
from data.corpus.arrays import write_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import run_stage


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=[5, 30])
def fetch_packages(spec: PretrainSpec) -> None:
    """Fetch the pinned npm packages that are not there yet (about 125 MB).

    Raises:
        CorpusError: if there is no npm, or it cannot fetch them.
    """
    corpus.fetch_packages(spec.packages_folder)


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def build_corpus(spec: PretrainSpec) -> StageRecord:
    """Render the training styles, with their layers, and lay them out as arrays at the base's size.

    Raises:
        CorpusError: if the packages are not what the corpus is built from.
    """
    shards = spec.stage_folder("corpus") / "shards"

    def make() -> corpus.Corpus:
        if not (shards / "corpus.json").is_file():  # it is written last
            shutil.rmtree(shards, ignore_errors=True)
            build.build_corpus(spec.packages_folder, shards)
        return corpus.read_corpus(shards, spec.size_px)

    def write(built: corpus.Corpus, result: Path) -> None:
        write_arrays(built, result)
        for name in ("corpus.json", "CREDITS.md"):
            shutil.copyfile(shards / name, result / name)

    packages, tables = dict(corpus.PACKAGES.values()), build.tables_sha256()
    return run_stage(
        spec,
        "corpus",
        settings={
            "packages": packages,
            "tables": tables,
            "size_px": spec.size_px,
            "made_from": {"words": build.words_sha256()},
        },
        inputs={},
        make=make,
        write=write,
    )
