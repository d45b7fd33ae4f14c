"""References to VQGAN tokens: once per view of an image, however many steps are tuned on it."""

from prefect import task

import styledrop
from data.pictures.images import from_png
from data.records.onboarding import Run, TuningExamples
from data.store.examples import examples_to_parquet
from data.store.files import Store
from tasks.models import open_base
from tasks.resuming import cache_by
from tasks.sampling import draw_seed


def _uses(run: Run) -> list[object]:
    references = [(reference.image.sha256, reference.prompt) for reference in run.references]
    return [run.place, run.base_sha256, references, run.spec.reference_views, run.spec.seed]


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=cache_by(_uses, __name__, "data.store.examples", "styledrop.views"),
)
def tokenize(run: Run) -> TuningExamples:
    """Encode `reference_views` views of each reference with the base's VQGAN."""
    base, store = open_base(run.spec.base), Store(run.store)
    viewed = [
        (view, reference.prompt)
        for number, reference in enumerate(run.references)
        for view in styledrop.views(
            from_png(store.read_blob(reference.image)),
            run.spec.reference_views,
            seed=draw_seed(run.spec.seed, "views", number),
        )
    ]
    tokens = base.tokenize([view for view, _ in viewed]).cpu().numpy()
    table = examples_to_parquet([prompt for _, prompt in viewed], tokens)
    return TuningExamples(
        table=store.write_blob(f"{run.folder}/references", ".parquet", table), rows=tuple(range(len(viewed)))
    )
