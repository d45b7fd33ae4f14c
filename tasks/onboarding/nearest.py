"""Which published styles look like new references: for whoever decides whether one more is wanted.

By the base's own scorer, reference against reference: 1 is the same picture.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from data.errors import PipelineError
from data.pictures.images import from_png
from data.records.onboarding import NearStyle
from data.store.files import Store
from data.store.publication import current_version
from data.store.published_style import read_references
from styledrop import ClipScorer

COUNT = 3
"""Styles that are named."""

_READ_AT_ONCE = 16


def looks_of_styles(store: Store, scorer: ClipScorer) -> dict[str, np.ndarray]:
    """The references of all published styles, as the scorer sees them, by the style's name.

    A style that was taken back, or cannot be read, is passed over.
    """
    names = store.folders("styles")
    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        found = pool.map(lambda name: _vectors_of_style(store, name, scorer), names)
    return {name: vectors for name, vectors in zip(names, found, strict=True) if vectors is not None}


def nearest_styles(
    name: str, references: Sequence[Image.Image], looks: Mapping[str, np.ndarray], scorer: ClipScorer
) -> tuple[NearStyle, ...]:
    """Of the styles with these `looks`, those other than `name` that look most like `references`, the nearest first."""
    others = {other: theirs for other, theirs in looks.items() if other != name}
    if not others:
        return ()
    wanted = scorer.embed([*references])
    near = [NearStyle(name=other, style_score=float((wanted @ theirs.T).mean())) for other, theirs in others.items()]
    return tuple(sorted(near, key=lambda one: -one.style_score)[:COUNT])


def _vectors_of_style(store: Store, name: str, scorer: ClipScorer) -> np.ndarray | None:
    try:
        pictures = read_references(current_version(store, name).uri)
        return scorer.embed([from_png(picture) for picture in pictures])
    except PipelineError:
        return None
