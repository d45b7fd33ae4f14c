"""What a user asks of published styles: images for prompts, or scores."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator, model_validator

from data.documents import defaults
from data.documents.document import checked, read_document
from data.documents.of_base import Sampling, left_out
from data.documents.spec import MAX_CANDIDATES, Surroundings
from data.documents.words import Phrase, Slug, Words, each_once
from styledrop.config.settings import Settings

Request = TypeVar("Request", bound=BaseModel)


def _few_enough(images_per_prompt: int, info: ValidationInfo) -> int:
    prompts = max(1, len(info.data.get("prompts", ())))
    if prompts * images_per_prompt > MAX_CANDIDATES:
        raise ValueError(
            f"expected at most {MAX_CANDIDATES} images, got {prompts} prompts x {images_per_prompt} images; "
            "ask for them in several requests"
        )
    return images_per_prompt


ImagesPerPrompt = Annotated[int, Field(ge=1, le=1024), AfterValidator(_few_enough)]


class _Request(Surroundings):
    sampling: Sampling = Field(
        default_factory=left_out("sampling"),
        description="how images are drawn; without a lambda_a, with the style's own; left out: as the base says",
    )


class WeightedStyle(Settings):
    """One of several styles in a picture."""

    style: str = Field(min_length=1, description="published style or version")
    weight: float = Field(default=1.0, gt=0, le=10, description="of its adapter's changes, which are added up")


class _InStyle(Settings):
    """What something is drawn in, and in which words."""

    style: str | tuple[WeightedStyle, ...] = Field(
        default="",
        description="published style (…/styles/NAME: its current version) or version (…/styles/NAME/versions/VERSION), "
        "or a list of several, each with a weight",
    )
    style_phrase: Words = Field(
        default="", description="follows the content; empty: the style's own, of several that of the largest weight"
    )
    without: tuple[Phrase, ...] = Field(
        default=(), description='words left out of the style\'s own phrase: "melting" of "melting golden 3d rendering"'
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "_InStyle":
        if self.style_phrase and self.without:
            raise ValueError(
                "expected a style_phrase, or words to leave out of the style's own, got both; keep one of them"
            )
        return self


class StyledPrompt(_InStyle):
    """A prompt in a style or in words of its own; what it leaves out is the request's."""

    content: Phrase = Field(description='what to draw, without the style: "a cat"')


ALONE = StyledPrompt.model_construct(content="", style="", style_phrase="", without=())
"""Nothing is said of a subject."""


class GenerateRequest(_Request, _InStyle):
    """Images of prompts in published styles, or from the bare base."""

    subject: str = Field(
        default="",
        description="published subject or version, drawn alone or in the styles; prompts then say what is said of it",
    )
    gamma: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="how much of the subject in a style: 0 is the style's adapter alone, 1 the subject's; the paper: "
        "0.5 to 0.7. Left out: chosen by a sweep",
    )
    prompts: Annotated[tuple[Phrase | StyledPrompt, ...], AfterValidator(each_once)] = Field(
        default=(),
        validate_default=True,
        description='what to draw, without the style: "a cat", or {content: a cat, style: …} in a style of its own; '
        "of a subject what is said of it, and left out the subject as it is",
    )
    images_per_prompt: ImagesPerPrompt = Field(default=4, description="each from a seed of its own")
    large: bool = Field(default=False, description="at twice the size, by the base's super-resolution, besides")
    provenance: bool = Field(
        default=True,
        description="PNGs say how they were made: prompt, style, version and seed, as text and, if "
        "STYLEDROP_SIGNING_KEY names a key, as a signed C2PA manifest",
    )
    folder: Slug = Field(description="slug; the images go to STORE/generated/FOLDER")

    @field_validator("prompts")
    @classmethod
    def _there_is_something_to_draw(
        cls, prompts: tuple[str | StyledPrompt, ...], info: ValidationInfo
    ) -> tuple[str | StyledPrompt, ...]:
        if not prompts and not info.data.get("subject"):
            raise ValueError("expected at least one phrase, or a subject, got neither; say what to draw")
        return prompts

    @model_validator(mode="after")
    def _gamma_weighs_two(self) -> "GenerateRequest":
        if self.gamma is not None and not self.subject:
            raise ValueError("gamma: expected a subject to weigh against the style, got none; name one")
        return self

    @property
    def styled_prompts(self) -> tuple[StyledPrompt, ...]:
        """The prompts with all that they leave to the request; each style is a tuple, empty for the base alone."""
        return tuple(self._styled(prompt) for prompt in self.prompts or (ALONE,))

    def _styled(self, asked: str | StyledPrompt) -> StyledPrompt:
        prompt = StyledPrompt(content=asked) if isinstance(asked, str) else asked
        # Words belong to a style: with one of its own, a prompt has none of the request's.
        words = prompt if prompt.style or prompt.style_phrase or prompt.without else self
        style = prompt.style or self.style
        if isinstance(style, str):
            style = (WeightedStyle(style=style),) if style else ()
        return prompt.model_copy(update={"style": style, "style_phrase": words.style_phrase, "without": words.without})


class EvaluateRequest(_Request):
    """Text and Style score of a published style and of the base, on the same prompts and seeds."""

    style: str = Field(
        min_length=1,
        description="published style (…/styles/NAME: its current version) or version (…/styles/NAME/versions/VERSION)",
    )
    prompts: Annotated[tuple[Phrase, ...], AfterValidator(each_once)] = Field(
        default=(),
        description="content phrases, or what is said of a subject; none may have been tuned on (the paper: 190 "
        "prompts). Left out: ours",
    )
    images_per_prompt: ImagesPerPrompt = Field(
        default=defaults.IMAGES_PER_EVALUATION_PROMPT, description="the paper: 8"
    )


def read_request(path: Path, kind: type[Request]) -> Request:
    """Read a request from a YAML or JSON file.

    Raises:
        SpecError: if it cannot be read, or asks for what cannot be done; it names every field that is wrong.
    """
    return checked(kind, read_document(path, "a request"), "the request")
