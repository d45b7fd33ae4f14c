"""How much of the references' content shows in images of other contents (`styledrop.leak`)."""

from collections.abc import Collection, Sequence

from data.pictures.images import from_png
from data.records.run import Blob, Leak, Score
from data.store.candidates import Candidate
from data.store.files import read_blob
from styledrop.leak import THRESHOLD, excess_likeness


def leak_of(
    references: Sequence[Blob], contents: Collection[str], drawn: Sequence[Candidate], by_base: Sequence[Candidate]
) -> Leak | None:
    """The leak of the images `drawn` in a style; None if each of them shows what a reference shows.

    Args:
        references: Square PNGs.
        contents: What the references show: images of these are left out.
        drawn: With the adapter.
        by_base: The same prompts and seeds without it.
    """
    pairs = [pair for pair in zip(drawn, by_base, strict=True) if pair[0].content_phrase not in contents]
    if not pairs:
        return None
    excess = excess_likeness(
        [from_png(read_blob(reference)) for reference in references],
        [from_png(image.image) for image, _ in pairs],
        [from_png(untuned.image) for _, untuned in pairs],
    )
    return Leak(score=Score.of(excess.tolist()), threshold=THRESHOLD)
