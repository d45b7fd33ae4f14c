"""A subject to onboard: one thing on a few images, learnt under a rare token (DreamBooth, arXiv:2208.12242).

A prompt is the rare token, the class word and what is said of them: "sks teapot on a table". The references are tuned
on as "sks teapot".
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from data.addresses import absolute
from data.documents.document import checked, read_document
from data.documents.prompts import SUBJECT_EVALUATION_PROMPTS, SUBJECT_PROMPTS
from data.documents.spec import MAX_ROUNDS, Address, OnboardingSpec
from data.documents.words import Phrase, whole_prompt
from data.errors import AddressError, SpecError
from styledrop.config.settings import Settings

MIN_REFERENCES = 3
MAX_REFERENCES = 16


class SubjectReference(Settings):
    """An image of the thing."""

    uri: Address = Field(description="path, or s3://… and the like, of the image (PNG, JPEG, WebP, …)")
    fit: Literal["crop", "pad"] = Field(
        default="crop", description="how an image that is not square becomes so: cut the long side, or pad with white"
    )


class SubjectSpec(OnboardingSpec):
    """A subject to onboard: the references, the words for it, and all settings."""

    kind: Literal["subject"] = "subject"
    references: tuple[SubjectReference, ...] = Field(description="3 to 16 images of one thing")
    class_word: Phrase = Field(description='what kind of thing it is: "teapot"')
    rare_token: Phrase = Field(default="sks", description="stands before the class word for this one thing")
    rounds: int = Field(
        default=1, ge=1, le=MAX_ROUNDS, description="tunings; DreamBooth has one, later ones are tuned on candidates"
    )
    prompts: tuple[Phrase, ...] = Field(
        default=SUBJECT_PROMPTS, description='what is said of the subject in candidates: "on a table"'
    )
    evaluation_prompts: tuple[Phrase, ...] = Field(
        default=SUBJECT_EVALUATION_PROMPTS, description="the same in evaluation; none of them is tuned on"
    )

    @field_validator("references")
    @classmethod
    def _references_are_several(cls, references: tuple[SubjectReference, ...]) -> tuple[SubjectReference, ...]:
        if not MIN_REFERENCES <= len(references) <= MAX_REFERENCES:
            raise ValueError(
                f"expected {MIN_REFERENCES} to {MAX_REFERENCES} images of one thing, got {len(references)}; on fewer "
                "its surroundings are learnt with it"
            )
        return references

    @property
    def images(self) -> tuple[tuple[str, Literal["crop", "pad"]], ...]:
        """Address and fit of each reference."""
        return tuple((reference.uri, reference.fit) for reference in self.references)

    @property
    def reference_words(self) -> tuple[tuple[str, str], ...]:
        """Rare token and class word, with nothing behind, of each reference."""
        return tuple((whole_prompt(self.rare_token, self.class_word), "") for _ in self.references)

    @property
    def token(self) -> str:
        """The rare token."""
        return self.rare_token

    @property
    def style_phrase(self) -> str:
        """A subject has none."""
        return ""

    @property
    def reference_contents(self) -> frozenset[str]:
        """All phrases: every image is to show the subject, so nothing leaks."""
        return frozenset(self.phrase(prompt) for prompt in (*self.prompts, *self.evaluation_prompts))

    def phrase(self, prompt: str) -> str:
        """The class word, and what is said of it."""
        return whole_prompt(self.class_word, prompt)


def parse_subject_spec(document: Mapping[str, Any]) -> SubjectSpec:
    """Check a spec as it comes from YAML, JSON or a form.

    Raises:
        SpecError: naming every field that is wrong, what was expected and what was got.
    """
    return checked(SubjectSpec, document, "the spec")


def read_subject_spec(path: Path) -> SubjectSpec:
    """Read a spec from a YAML or JSON file; addresses of references are taken from the file's own folder.

    Raises:
        SpecError: if the file cannot be read, is no YAML or JSON, or holds a spec that cannot be used.
    """
    spec = parse_subject_spec(read_document(path, "a spec"))
    try:
        references = tuple(
            reference.model_copy(update={"uri": absolute(reference.uri, str(path.parent))})
            for reference in spec.references
        )
    except AddressError as error:
        raise SpecError(f"references: {error}") from error
    return spec.model_copy(update={"references": references})
