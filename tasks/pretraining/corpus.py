"""The corpus: packages from npm, then images and captions.

They are done before anything trains, and later stages only open arrays.
"""

import shutil
import time
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from data import corpus
from data.corpus import build
from data.corpus.arrays import write_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import StageRecord
from tasks.pretraining.stage_folder import finish_stage, open_stage


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
    folder = spec.stage_folder("corpus")
    settings = {
        "packages": dict(corpus.PACKAGES.values()),
        "tables": build.tables_sha256(),
        "size_px": spec.size_px,
        "made_from": {"words": build.words_sha256()},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    started = time.monotonic()
    shards = folder / "shards"
    if not (shards / "corpus.json").is_file():  # it is written last
        shutil.rmtree(shards, ignore_errors=True)
        build.build_corpus(spec.packages_folder, shards)
    built = corpus.read_corpus(shards, spec.size_px)

    def write(result_folder: Path) -> None:
        write_arrays(built, result_folder)
        for name in ("corpus.json", "CREDITS.md"):
            shutil.copyfile(shards / name, result_folder / name)

    return finish_stage(folder, write, seconds=time.monotonic() - started)
