"""Which published styles look like new references: for whoever decides whether one more is wanted.

By the base's own scorer, reference against reference: 1 is the same picture.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from PIL import Image

from data.errors import PipelineError
from data.pictures.images import from_png
from data.records.onboarding import NearStyle
from data.store.files import Store, read_blob
from data.store.pointer import read_pointer, style_folder
from data.store.published_style import read_document, read_version
from styledrop import ClipScorer

COUNT = 3
"""Styles that are named."""

_READ_AT_ONCE = 16


def nearest_styles(
    store: Store, name: str, references: Sequence[Image.Image], scorer: ClipScorer
) -> tuple[NearStyle, ...]:
    """The published styles other than `name` whose references look most like `references`, the nearest first.

    A style that was taken back, or cannot be read, is passed over.
    """
    others = [other for other in store.folders("styles") if other != name]
    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        found = list(pool.map(lambda other: _vectors_of_style(store, other, scorer), others))
    if all(theirs is None for theirs in found):
        return ()
    wanted = scorer.embed([*references])
    near = [
        NearStyle(name=other, style_score=float((wanted @ theirs.T).mean()))
        for other, theirs in zip(others, found, strict=True)
        if theirs is not None
    ]
    return tuple(sorted(near, key=lambda one: -one.style_score)[:COUNT])


def _vectors_of_style(store: Store, name: str, scorer: ClipScorer) -> np.ndarray | None:
    style = style_folder(store, name)
    try:
        pointer = read_pointer(style)
        if pointer is None or pointer.version is None or pointer.withdrawn is not None:
            return None
        return _vectors(f"{style.uri}/versions/{pointer.version}", scorer)
    except PipelineError:
        return None


@lru_cache(maxsize=4096)  # a version never changes, and a batch asks for all of them once for each of its styles
def _vectors(uri: str, scorer: ClipScorer) -> np.ndarray:
    paths = [reference.image for reference in read_document(uri).references]
    if all(paths):
        version = Store(uri)
        pictures = [version.read(path) for path in paths]
    else:  # of layout 1: they lie elsewhere
        pictures = [read_blob(blob) for blob in read_version(uri).references]
    return scorer.embed([from_png(picture) for picture in pictures])
