"""Text score, Style score and leak of drawn images, and the line of a table that shows them."""

from collections.abc import Collection, Sequence

from PIL import Image

from data.documents.words import Likeness, shared_contents
from data.pictures.images import from_png
from data.pictures.markdown import MAX_THUMBNAILS, thumbnail
from data.records.record import Blob
from data.records.sampling_plan import SamplingPlan
from data.records.scores import Leak, RoundScores, Verdict
from data.records.version import Score
from data.store.candidates import Candidate, to_parquet
from data.store.comparison import gain_of
from data.store.files import Store, read_blob
from styledrop.leak import THRESHOLD, excess_likeness
from tasks.sampling import DRAWN_BY, draw

COMPARED_BY = (*DRAWN_BY, __name__, "styledrop.leak")
"""The code that makes tables of images, their scores and their leak (`tasks.resuming`)."""


def leak_of(
    references: Sequence[Blob], contents: Collection[str], drawn: Sequence[Candidate], by_base: Sequence[Candidate]
) -> Leak | None:
    """The leak of the images `drawn` in a style; None if each of them shows what a reference shows.

    Args:
        references: Square PNGs.
        contents: What the references show: images of these are left out.
        drawn: With the adapter.
        by_base: The same prompts without it, best from the same seeds.
    """
    of_references = shared_contents({image.content_phrase for image in drawn}, contents)
    pairs = [pair for pair in zip(drawn, by_base, strict=True) if pair[0].content_phrase not in of_references]
    if not pairs:
        return None
    excess = excess_likeness(
        [from_png(read_blob(reference)) for reference in references],
        [from_png(image.image) for image, _ in pairs],
        [from_png(untuned.image) for _, untuned in pairs],
    )
    return Leak(score=Score.of(excess.tolist()), threshold=THRESHOLD)


def verdict_of(drawn: Sequence[Candidate], by_base: Sequence[Candidate], likeness: Likeness) -> Verdict:
    """Whether the style shows in the images `drawn` in it, beside `by_base`: the same prompts and seeds without it."""
    return gain_of(list(zip(by_base, drawn, strict=True)), likeness, Verdict)


def score(plan: SamplingPlan, folder: str, round_number: int, *, key: str) -> RoundScores:
    """Draw, and take means; the images go into `folder` of the plan's store, progress into the artifact `key`."""
    samples = draw(plan, folder, f"evaluation of {round_label(round_number)}", key=key)
    return RoundScores(
        round_number=round_number,
        text=Score.of([sample.text_score for sample in samples]),
        style=Score.of([sample.style_score for sample in samples]),
        samples=Store(plan.store).write_blob(folder, ".parquet", to_parquet(samples)),
    )


def round_label(round_number: int) -> str:
    """What a round is called."""
    return f"round {round_number}" if round_number else "base"


def score_cells(
    name: str,
    scores: RoundScores,
    leak: Leak | None,
    prompts: Sequence[str],
    images: Sequence[Image.Image],
    likeness: str = "Style",
) -> dict[str, str]:
    """A line of a table of scores, with the first image of a few prompts."""
    shown = list(zip(prompts, images, strict=True))[:MAX_THUMBNAILS]
    return {
        "round": name,
        "Text ↑": scores.text.in_words,
        f"{likeness} ↑": scores.style.in_words,
        "Leak ↓": leak.in_words if leak else "",
        **{prompt: thumbnail(image, prompt) for prompt, image in shown},
    }
