"""What a user asks for: a style or a subject to onboard, in one document; what both have in common.

Everything is checked when the document is read, before anything is written: unknown options, empty
phrases and absurd sizes are errors. The files the spec names are checked by `data.pictures.images`, and whether
its prompts fit the text encoder of its base by `tasks.models`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, field_validator, model_validator

from data.addresses import absolute, check_address
from data.documents import defaults
from data.documents.document import checked, read_document
from data.documents.of_base import FOLLOWS_BASE, BaseAddress, RoundTuning, Sampling, left_out
from data.documents.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from data.documents.words import (
    LIKENESS,
    Likeness,
    Phrase,
    Slug,
    Statement,
    each_once,
    shared_contents,
    whole_prompt,
)
from data.errors import AddressError, SpecError
from styledrop.config.settings import Settings
from styledrop.config.tuning import AdapterTuning, Tuning

Feedback = Literal["clip", "clip_sum", "human", "hybrid", "random"]

MAX_CANDIDATES = 20_000
"""Images of one round: ten times the paper's 30 x 64, and about what fits into one Parquet file."""

MAX_ROUNDS = 10
"""Tunings of one style, those that reviewers add included."""

Address = Annotated[str, AfterValidator(check_address)]
OptionalAddress = Annotated[str, AfterValidator(lambda address: check_address(address) if address.strip() else "")]


class Reference(Settings):
    """An image that is learnt from."""

    uri: Address = Field(description="path, or s3://… and the like, of the image (PNG, JPEG, WebP, …)")
    fit: Literal["crop", "pad"] = Field(
        default="crop", description="how an image that is not square becomes so: cut the long side, or pad with white"
    )


class _Identity(Settings):
    """Whose the references are, and what is made of them is called."""

    name: Slug = Field(description="slug under which the adapter is published: a-z, 0-9 and '-'")
    licence: Statement = Field(description="licence of the references, an SPDX identifier where there is one")
    consent: Statement = Field(description='who allowed this use, and where that is written down: "own work"')


class Surroundings(Settings):
    """What all that draws has in common."""

    store: Address = Field(default="store", description="root of the store: a path, file://… or s3://…")
    base: BaseAddress = Field(default="embedded", description='"embedded", or the folder of a base')
    scorer: OptionalAddress = Field(
        default="", description="folder of the open_clip model that scores; left out: the base's own"
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="every random choice follows from it")


class StyleSettings(Surroundings):
    """How styles are onboarded: what a whole batch has in common."""

    rounds: int = Field(
        default=2,
        ge=1,
        le=MAX_ROUNDS,
        description="tunings; each but the first on candidates of the last. With a reviewer the number planned: "
        "reviewers end earlier or go on longer",
    )
    feedback: Feedback = Field(
        default="clip",
        description="who keeps candidates: clip (the best Text score), clip_sum (the best sum of Text and Style), "
        "human (a person, shown some of every prompt), hybrid (a person, shown CLIP's best of every prompt), or "
        "random (chance, the paper's control)",
    )
    reviewers: Literal[1, 2] = Field(
        default=1,
        description="who have to agree, where a person is asked: one, or two, each of whom is asked in turn. If two "
        "agree on nothing, a third decides",
    )
    first_round: RoundTuning = Field(
        default_factory=left_out("first_round"), description="tuning on the references; left out: as the base says"
    )
    reference_views: int = Field(
        default_factory=left_out("reference_views"),
        ge=1,
        le=1024,
        description="copies of each reference that round 1 is tuned on, all but one a little shifted and scaled; "
        "the paper: 1; left out: as the base says",
    )
    later_rounds: RoundTuning = Field(
        default_factory=left_out("later_rounds"), description="tuning on kept candidates; left out: as the base says"
    )

    enlarging: Annotated[AdapterTuning, FOLLOWS_BASE] = Field(
        default_factory=left_out("enlarging"),
        description="tuning of super-resolution on the references, if the base has it; left out: as the base says",
    )

    prompts: tuple[Phrase, ...] = Field(default=CANDIDATE_PROMPTS, description="content phrases of the candidates")
    images_per_prompt: int = Field(default=defaults.IMAGES_PER_PROMPT, ge=1, le=1024, description="the paper: 64")
    kept_per_prompt: int = Field(default=1, ge=1, le=1024, description="candidates kept by clip and random feedback")
    candidate_sampling: Sampling = Field(
        default_factory=left_out("candidate_sampling"),
        description="how candidates are drawn; left out: as the base says",
    )

    evaluation_prompts: tuple[Phrase, ...] = Field(
        default=FEW_EVALUATION_PROMPTS, description="content phrases of the evaluation; none of them is tuned on"
    )
    images_per_evaluation_prompt: int = Field(
        default=defaults.IMAGES_PER_EVALUATION_PROMPT, ge=1, le=64, description="the paper: 8"
    )
    evaluation_sampling: Sampling = Field(
        default_factory=left_out("evaluation_sampling"),
        description="how evaluation images are drawn, the same for every round; lambda_a goes into the style's card; "
        "left out: as the base says",
    )

    @field_validator("prompts", "evaluation_prompts")
    @classmethod
    def _prompts_are_distinct(cls, prompts: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(prompts) <= 1000:
            raise ValueError(f"expected 1 to 1000 content phrases, got {len(prompts)}; leave the field out for ours")
        return each_once(prompts)


class OnboardingSpec(StyleSettings, _Identity):
    """What the onboarding of a style and of a subject have in common.

    A prompt is a phrase, a subject's rare token before it, a style phrase behind it: `prompts` vary one side of it.
    """

    kind: Literal["style", "subject"]
    references: tuple[Reference, ...]
    rebuilds: str = Field(
        default="",
        description="published version (…/styles/NAME/versions/VERSION) that is made anew, on another base: the "
        "references and what a person picked are taken from it, and the result is compared with it",
    )

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        prompts, evaluation_prompts = self._with_room()
        if not self.phrases_left_out:  # else once it is known what the references show
            object.__setattr__(self, "prompts", prompts)  # frozen, but not finished yet
            object.__setattr__(self, "evaluation_prompts", evaluation_prompts)
        shared = shared_contents(evaluation_prompts, {*self.reference_contents, *prompts})
        if shared:
            raise ValueError(
                f"evaluation_prompts: expected none of the phrases that are tuned on, got {shared}; "
                "scores on phrases an adapter was tuned with are not results: remove them from one list"
            )
        candidates = len(prompts) * self.images_per_prompt
        if candidates > MAX_CANDIDATES:
            raise ValueError(
                f"expected at most {MAX_CANDIDATES} candidates a round, got {len(prompts)} prompts x "
                f"{self.images_per_prompt} images = {candidates}; lower images_per_prompt"
            )
        if self.kept_per_prompt > self.images_per_prompt:
            raise ValueError(
                f"kept_per_prompt: expected at most images_per_prompt = {self.images_per_prompt}, "
                f"got {self.kept_per_prompt}; lower it"
            )
        if self.has_reviewer and self.rounds == 1:
            raise ValueError(
                f"rounds: expected at least 2 with feedback {self.feedback!r}, got 1: a reviewer picks what the second "
                "round is tuned on, and would never be asked; take rounds: 2, or feedback: clip"
            )
        return self

    def _with_room(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """`prompts` and `evaluation_prompts`, where lists of ours have given way, before the parts have to agree."""
        return self.prompts, self.evaluation_prompts

    @property
    def phrases_left_out(self) -> tuple[int, ...]:
        """Which phrases a person is asked for: numbers of the references whose content is not said, 0 for the style."""
        return ()

    def with_phrases(self, phrases: Sequence[str]) -> Self:
        """The same with the phrases that it leaves out, in their order: as if they had been written in it.

        Raises:
            SpecError: if a phrase is none, or names what is evaluated.
        """
        raise NotImplementedError

    @property
    def reference_words(self) -> tuple[tuple[str, str], ...]:
        """What is said of each reference before and behind: with a style, what it shows and how."""
        raise NotImplementedError

    @property
    def style_phrase(self) -> str:
        """What follows every phrase in its prompt; nothing with a subject."""
        return ""

    @property
    def token(self) -> str:
        """What precedes every phrase in its prompt, and is left out where Text is scored; nothing with a style."""
        return ""

    @property
    def reference_contents(self) -> frozenset[str]:
        """Phrases whose images show what the references show."""
        raise NotImplementedError

    def phrase(self, prompt: str) -> str:
        """What is drawn for one of `prompts` or `evaluation_prompts`, but for rare token and style phrase."""
        return prompt

    @property
    def likeness(self) -> Likeness:
        """What the likeness to the references is called."""
        return LIKENESS[self.kind]

    def tuning(self, round_number: int) -> Tuning:
        """Settings of round `round_number`, counted from 1."""
        return self.first_round if round_number == 1 else self.later_rounds

    @property
    def whole_prompts(self) -> tuple[str, ...]:
        """All that the base's text encoder is given: in tuning, for candidates and in evaluation."""
        of_references = (whole_prompt(before, behind) for before, behind in self.reference_words)
        drawn = (
            whole_prompt(whole_prompt(self.token, self.phrase(prompt)), self.style_phrase)
            for prompt in (*self.prompts, *self.evaluation_prompts)
        )
        negative = (self.candidate_sampling.negative_prompt, self.evaluation_sampling.negative_prompt)
        return (*of_references, *drawn, *negative)

    @property
    def has_reviewer(self) -> bool:
        """Whether a person picks the candidates."""
        return self.feedback in ("human", "hybrid")


Spec = TypeVar("Spec", bound=OnboardingSpec)


def read_spec(path: Path, kind: type[Spec]) -> Spec:
    """Read the spec of a style or a subject from a YAML or JSON file; its addresses start from the file's own folder.

    Raises:
        SpecError: if the file cannot be read, is no YAML or JSON, or holds a spec that cannot be used.
    """
    spec = checked(kind, read_document(path, "a spec"), "the spec")
    try:
        references = tuple(
            reference.model_copy(update={"uri": absolute(reference.uri, str(path.parent))})
            for reference in spec.references
        )
    except AddressError as error:
        raise SpecError(f"references: {error}") from error
    return spec.model_copy(update={"references": references})
