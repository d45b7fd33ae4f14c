"""The words that a base's training knew, by which its scorer says what a picture shows and how: `vocabulary.json`.

It lies in the base's folder. A base that somebody else trained has none, unless its owner writes one.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from data.documents.document import checked, read_document
from data.documents.words import Phrase
from data.errors import SpecError
from styledrop.config.settings import Settings

FILE = "vocabulary.json"


class Vocabulary(Settings):
    """What phrases are chosen from where a spec leaves them out."""

    contents: Annotated[tuple[Phrase, ...], Field(min_length=1)]
    """Content phrases."""
    styles: Annotated[tuple[Phrase, ...], Field(min_length=1)]
    """Looks, to be read in "in {look} style"."""


def read_vocabulary(base_folder: Path) -> Vocabulary:
    """The vocabulary of the base in the folder.

    Raises:
        SpecError: if it has none, or one that cannot be used.
    """
    path = base_folder / FILE
    if not path.is_file():
        raise SpecError(
            f"expected a content_phrase and a style_phrase of every reference, got some without: base "
            f"{base_folder.name!r} has no {FILE} to propose phrases from; write them into the spec"
        )
    return checked(Vocabulary, read_document(path, "a vocabulary"), "the vocabulary")
