"""A style to onboard: one to sixteen images of one look, with words for what they show and for how.

A prompt is a content phrase with the style phrase behind it: "a cat in watercolor painting style".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from data.documents.document import checked
from data.documents.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from data.documents.spec import OnboardingSpec, Reference
from data.documents.words import Phrase, without_contents


class StyleReference(Reference):
    """An image with the words for what it shows and for how."""

    content_phrase: Phrase | None = Field(
        default=None, description='what it shows: "a cat"; left out: proposed, and a person is asked before round 1'
    )
    style_phrase: Phrase | None = Field(
        default=None, description='how: "in watercolor painting style"; left out: another reference\'s, or as above'
    )


class StyleSpec(OnboardingSpec):
    """A style to onboard: the references, the feedback wanted and all settings."""

    kind: Literal["style"] = "style"
    references: tuple[StyleReference, ...] = Field(description="1 to 16 images of one style")

    @field_validator("references")
    @classmethod
    def _references_are_few(cls, references: tuple[StyleReference, ...]) -> tuple[StyleReference, ...]:
        if not 1 <= len(references) <= 16:
            raise ValueError(f"expected 1 to 16 style references, got {len(references)}; the method needs only one")
        styles = list(dict.fromkeys(reference.style_phrase for reference in references if reference.style_phrase))
        if len(styles) > 1:
            raise ValueError(
                f"expected the same style_phrase for all references, got {styles}; candidates and evaluation follow "
                "one phrase only: give all the same, or onboard two styles"
            )
        return references

    def _with_room(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Our lists give way to what the references show, and to the other list if that is not ours."""
        prompts, evaluation_prompts = self.prompts, self.evaluation_prompts
        if prompts == CANDIDATE_PROMPTS:
            taken = () if evaluation_prompts == FEW_EVALUATION_PROMPTS else evaluation_prompts
            prompts = without_contents(prompts, {*self.reference_contents, *taken})
        if evaluation_prompts == FEW_EVALUATION_PROMPTS:
            evaluation_prompts = without_contents(evaluation_prompts, {*self.reference_contents, *prompts})
        for name, left in (("prompts", prompts), ("evaluation_prompts", evaluation_prompts)):
            if not left:
                raise ValueError(
                    f"{name}: expected phrases of your own, since the others leave none of ours; list some"
                )
        return prompts, evaluation_prompts

    @property
    def phrases_left_out(self) -> tuple[int, ...]:
        """Numbers of the references without a content phrase, then 0 if none has a style phrase."""
        contents = (number for number, one in enumerate(self.references, start=1) if one.content_phrase is None)
        return (*contents, *(() if self.style_phrase else (0,)))

    def with_phrases(self, phrases: Sequence[str]) -> Self:
        """The same with the phrases that it leaves out, in their order (see above)."""
        said = dict(zip(self.phrases_left_out, phrases, strict=True))
        references = [
            {
                **one.model_dump(mode="json"),
                "content_phrase": said.get(number, one.content_phrase),
                "style_phrase": said.get(0, self.style_phrase),
            }
            for number, one in enumerate(self.references, start=1)
        ]
        return checked(type(self), {**self.model_dump(mode="json"), "references": references}, "the spec")

    @property
    def reference_words(self) -> tuple[tuple[str, str], ...]:
        """What each reference shows, and how; empty words where that is left out."""
        return tuple((reference.content_phrase or "", self.style_phrase) for reference in self.references)

    @property
    def style_phrase(self) -> str:
        """The words that follow every content phrase; all references have the same. Empty if it is left out."""
        return next((reference.style_phrase for reference in self.references if reference.style_phrase), "")

    @property
    def reference_contents(self) -> frozenset[str]:
        """What the references show, as far as it is said."""
        return frozenset(content for content, _ in self.reference_words if content)


def parse_spec(document: Mapping[str, Any]) -> StyleSpec:
    """Check a spec as it comes from YAML, JSON or a form.

    Raises:
        SpecError: naming every field that is wrong, what was expected and what was got.
    """
    return checked(StyleSpec, document, "the spec")
