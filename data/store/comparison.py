"""Two published versions side by side: their images on one sheet, and what the second gained, image by image."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from data.documents.words import Likeness
from data.errors import SpecError
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png
from data.records.scores import Gain
from data.records.version import VersionDocument
from data.store.candidates import Candidate
from data.store.files import read_blob
from data.store.published_style import read_samples, read_version

AnyGain = TypeVar("AnyGain", bound=Gain)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Evaluation images of a version, under the name that the sheet gives it."""

    label: str
    by_base: Sequence[Candidate]
    """What its untuned base draws for the same prompts and seeds."""
    in_style: Sequence[Candidate]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Version A beside version B."""

    versions: tuple[str, str]
    documents: tuple[VersionDocument, VersionDocument]
    gain: Gain | None
    """B's over A; None if their scores do not compare."""
    why_not: str
    """Why they do not."""
    sheet: Image.Image


def compare_versions(first: str, second: str) -> Comparison:
    """Compare the versions at two addresses, each a version's or a style's (its current version).

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if a style was taken back.
        StoreCorrupted: if a file is not the one that was published.
        SpecError: if they share no evaluation prompt.
    """
    a, b = read_version(first), read_version(second)
    drawn = [
        Drawn(label=f"{letter} {version.version[:8]}", by_base=by_base, in_style=in_style)
        for letter, version in (("A", a), ("B", b))
        for by_base, in_style in (read_samples(version.uri),)
    ]
    pairs = paired(drawn[0].in_style, drawn[1].in_style)
    why_not = _why_not(a.document, b.document)
    return Comparison(
        versions=(a.version, b.version),
        documents=(a.document, b.document),
        gain=None if why_not else gain_of(pairs, b.document.likeness, Gain),
        why_not=why_not,
        sheet=side_by_side([from_png(read_blob(blob)) for blob in a.references], drawn[0], drawn[1]),
    )


def paired(first: Sequence[Candidate], second: Sequence[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """Images of the same prompts: the n-th of a prompt with the n-th of the same prompt.

    Raises:
        SpecError: if they share no prompt.
    """
    others = _by_phrase(second)
    pairs = [
        pair
        for phrase, of_phrase in _by_phrase(first).items()
        for pair in zip(of_phrase, others.get(phrase, ()), strict=False)
    ]
    if not pairs:
        raise SpecError(
            f"expected two versions that were evaluated on a prompt in common, got {sorted(_by_phrase(first))} and "
            f"{sorted(others)}; there is nothing to compare"
        )
    return pairs


def gain_of(pairs: Sequence[tuple[Candidate, Candidate]], likeness: Likeness, kind: type[AnyGain]) -> AnyGain:
    """What the second of each pair gained over the first; as a `Verdict`, with whether that is enough."""
    return kind.of(
        [after.text_score - before.text_score for before, after in pairs],
        [after.style_score - before.style_score for before, after in pairs],
        likeness,
    )


def side_by_side(references: Sequence[Image.Image], first: Drawn, second: Drawn) -> Image.Image:
    """One sheet: a column for each prompt in common, rows of both versions and of the bases below them."""
    phrases = [phrase for phrase in _by_phrase(first.in_style) if phrase in _by_phrase(second.in_style)]

    def row(label: str, images: Sequence[Candidate]) -> Row:
        by_phrase = _by_phrase(images)
        return Row(label=label, images=[from_png(by_phrase[phrase][0].image) for phrase in phrases])

    rows = [Row(label="reference", images=references)]
    rows += [row(drawn.label, drawn.in_style) for drawn in (first, second)]
    rows += [row(f"base of {drawn.label}", drawn.by_base) for drawn in (first, second)]
    return comparison_sheet(phrases, rows)


def _by_phrase(images: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    found = defaultdict(list)
    for image in images:
        found[image.content_phrase].append(image)
    return dict(found)


def _why_not(a: VersionDocument, b: VersionDocument) -> str:
    if [one.source_sha256 for one in a.references] != [one.source_sha256 for one in b.references]:
        return "their references differ, and Style is the likeness to one's own"
    return "" if a.scorer_sha256 == b.scorer_sha256 else "they were scored by different CLIPs"
