"""A subject to onboard: one thing on a few images, learnt under a rare token (DreamBooth, arXiv:2208.12242).

A prompt is the rare token, the class word and what is said of them: "sks teapot on a table". The references are tuned
on as "sks teapot".
"""

from typing import Literal

from pydantic import Field, field_validator

from data.documents.prompts import SUBJECT_EVALUATION_PROMPTS, SUBJECT_PROMPTS
from data.documents.spec import MAX_ROUNDS, OnboardingSpec, Reference
from data.documents.words import Phrase, whole_prompt

MIN_REFERENCES = 3
MAX_REFERENCES = 16


class SubjectSpec(OnboardingSpec):
    """A subject to onboard: the references, the words for it, and all settings."""

    kind: Literal["subject"] = "subject"
    references: tuple[Reference, ...] = Field(description="3 to 16 images of one thing")
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
    def _references_are_several(cls, references: tuple[Reference, ...]) -> tuple[Reference, ...]:
        if not MIN_REFERENCES <= len(references) <= MAX_REFERENCES:
            raise ValueError(
                f"expected {MIN_REFERENCES} to {MAX_REFERENCES} images of one thing, got {len(references)}; on fewer "
                "its surroundings are learnt with it"
            )
        return references

    @property
    def reference_words(self) -> tuple[tuple[str, str], ...]:
        """Rare token and class word, with nothing behind, of each reference."""
        return tuple((whole_prompt(self.rare_token, self.class_word), "") for _ in self.references)

    @property
    def token(self) -> str:
        """The rare token."""
        return self.rare_token

    @property
    def reference_contents(self) -> frozenset[str]:
        """All phrases: every image is to show the subject, so nothing leaks."""
        return frozenset(self.phrase(prompt) for prompt in (*self.prompts, *self.evaluation_prompts))

    def phrase(self, prompt: str) -> str:
        """The class word, and what is said of it."""
        return whole_prompt(self.class_word, prompt)
