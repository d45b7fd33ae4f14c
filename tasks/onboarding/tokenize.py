"""Images to VQGAN tokens: once per view of an image, however many steps are tuned on it."""

import io
from collections.abc import Sequence

import numpy as np
from prefect import task

import styledrop
from data.pictures.images import from_png
from data.records.onboarding import Example, Run, TokenizedExamples
from data.store.files import Store
from tasks.models import open_base
from tasks.resuming import CACHE_BY_INPUT
from tasks.sampling import draw_seed


@task(persist_result=True, result_serializer="json", cache_policy=CACHE_BY_INPUT)
def tokenize(run: Run, examples: Sequence[Example], views: int = 1) -> TokenizedExamples:
    """Encode the images of `examples` with the base's VQGAN, and of each so many views."""
    base = open_base(run.spec.base)
    store = Store(run.store)
    viewed = [
        view
        for number, example in enumerate(examples)
        for view in styledrop.views(
            from_png(store.read_blob(example.image)), views, seed=draw_seed(run.spec.seed, "views", number)
        )
    ]
    tokens = base.tokenize(viewed).cpu().numpy().reshape(len(examples), views, -1)
    buffer = io.BytesIO()
    np.save(buffer, tokens, allow_pickle=False)
    return TokenizedExamples(
        examples=tuple(examples), tokens=store.write_blob(f"runs/{run.key}/tokens", ".npy", buffer.getvalue())
    )
