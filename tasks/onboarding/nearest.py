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
        found = [
            (other, pictures)
            for other, pictures in zip(others, pool.map(lambda other: _references(store, other), others), strict=True)
            if pictures
        ]
    if not found:
        return ()
    wanted = scorer.embed([*references])
    theirs = scorer.embed([from_png(picture) for _, pictures in found for picture in pictures])
    ends = np.cumsum([len(pictures) for _, pictures in found])[:-1]
    near = [
        NearStyle(name=other, style_score=float((wanted @ of_one.T).mean()))
        for (other, _), of_one in zip(found, np.split(theirs, ends), strict=True)
    ]
    return tuple(sorted(near, key=lambda one: -one.style_score)[:COUNT])


def _references(store: Store, name: str) -> tuple[bytes, ...]:
    style = style_folder(store, name)
    try:
        pointer = read_pointer(style)
        if pointer is None or pointer.version is None or pointer.withdrawn is not None:
            return ()
        return _references_of_version(f"{style.uri}/versions/{pointer.version}")
    except PipelineError:
        return ()


@lru_cache(maxsize=4096)  # a version never changes
def _references_of_version(uri: str) -> tuple[bytes, ...]:
    paths = [reference.image for reference in read_document(uri).references]
    if all(paths):
        version = Store(uri)
        return tuple(version.read(path) for path in paths)
    return tuple(read_blob(blob) for blob in read_version(uri).references)  # of layout 1: they lie elsewhere
