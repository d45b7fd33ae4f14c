"""What a user asks of published styles: images for prompts, or scores."""

import re
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from data.documents import defaults
from data.documents.document import checked, read_document
from data.documents.prompts import EVALUATION_PROMPTS
from data.documents.spec import Address, SamplingSettings
from data.documents.words import Phrase, Words


def _checked_folder(folder: str) -> str:
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){0,63}", folder):
        raise ValueError(f"expected 1 to 64 characters a-z and 0-9, joined by single '-', got {folder!r}")
    return folder


def _distinct(prompts: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({prompt for prompt in prompts if prompts.count(prompt) > 1})
    if not prompts or twice:
        raise ValueError(f"expected at least one phrase and each once, got {twice or 'none'}")
    return prompts


Prompts = Annotated[tuple[Phrase, ...], AfterValidator(_distinct)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=0, ge=0, lt=2**31, description="every random choice follows from it")
    sampling: SamplingSettings = Field(
        default=SamplingSettings(), description="how images are drawn; without a lambda_a, with the style's own"
    )
    store: Address = Field(default="store", description="where the result goes: a path, file://… or s3://…")
    base: Address = Field(default="embedded", description='"embedded", or the folder of a base')


class GenerateRequest(_Request):
    """Images of prompts in a published style, or from the bare base."""

    style: str = Field(
        default="",
        description="published style (…/styles/NAME: its current version) or version (…/styles/NAME/versions/VERSION); "
        "empty: the base alone",
    )
    style_phrase: Words = Field(default="", description="follows every prompt; empty: the style's own")
    prompts: Prompts = Field(description='what to draw, without the style: "a cat"')
    images_per_prompt: int = Field(default=4, ge=1, le=1024, description="each from a seed of its own")
    large: bool = Field(default=False, description="at twice the size, by the base's super-resolution, besides")
    folder: Annotated[str, AfterValidator(_checked_folder)] = Field(
        description="slug; the images go to STORE/generated/FOLDER"
    )


class EvaluateRequest(_Request):
    """Text and Style score of a published style and of the base, on the same prompts and seeds."""

    style: str = Field(
        min_length=1,
        description="published style (…/styles/NAME: its current version) or version (…/styles/NAME/versions/VERSION)",
    )
    prompts: Prompts = Field(
        default=EVALUATION_PROMPTS, description="content phrases; none may have been tuned on (the paper: 190 prompts)"
    )
    images_per_prompt: int = Field(
        default=defaults.IMAGES_PER_EVALUATION_PROMPT, ge=1, le=1024, description="the paper: 8"
    )


Request = TypeVar("Request", bound=BaseModel)


def read_request(path: Path, kind: type[Request]) -> Request:
    """Read a request from a YAML or JSON file.

    Raises:
        SpecError: if it cannot be read, or asks for what cannot be done; it names every field that is wrong.
    """
    return checked(kind, read_document(path, "a request"), "the request")
