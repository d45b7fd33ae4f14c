"""What a published version says of itself (`version.json`), and its style's pointer (`current.json`).

They are read for as long as there are stores, by whatever release: fields are only added, with a default, and a reader
passes over those it does not know. A change of meaning gets the next number, and a reader refuses what is newer than
itself. Nothing here holds an address: paths are relative to the version, keys to the store.
"""

import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationInfo, field_validator, model_validator

from data.documents.words import LIKENESS, Likeness
from data.errors import StoreError
from data.records.record import Sha256

VersionName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""The folder of a version: the first digits of its manifest's digest, and so no way out of the style."""

_Path = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")]
"""Of a file in a version: as `tasks.onboarding.publish` names them, and nothing that a folder could be left by."""


class Manifest(RootModel[Annotated[dict[_Path, Sha256], Field(max_length=10_000)]]):
    """Digests of a version's files by path (`manifest.json`)."""


class _Kept(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _WithLayout(_Kept):
    layout: int

    @field_validator("layout")
    @classmethod
    def _refuse_later(cls, layout: int, info: ValidationInfo) -> int:
        newest = cls.model_fields["layout"].default
        if layout > newest:
            raise StoreError(
                f"expected a {cls.__name__} of layout {newest} at most at {info.context}, got {layout}: "
                "a later release wrote it; update this one"
            )
        return layout


class VersionReference(_Kept):
    """A style reference."""

    content_phrase: str
    style_phrase: str
    content_phrase_from: str = "given"
    """Whether it stood in the spec, or was proposed by the base's scorer, and what was made of that by whom."""
    style_phrase_from: str = "given"
    source_sha256: str
    """Of the file as it was given."""
    prompt: str
    """The whole prompt that it was tuned on with."""
    image: str
    """Path of the image as it was tuned on: a square RGB PNG."""
    large_image: str = ""
    """The same at the size that super-resolution makes; empty if the base had none."""


class Score(_Kept):
    """Mean and standard error over all images."""

    mean: float
    standard_error: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The score of images of which each has one of `values`."""
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        return cls(mean=statistics.fmean(values), standard_error=error)

    @property
    def in_words(self) -> str:
        """The mean with its standard error."""
        return f"{self.mean:.3f} ± {self.standard_error:.3f}"


class VersionScores(_Kept):
    """Text and Style score, or what was gained in them."""

    text: Score
    style: Score


class VersionRound(_Kept):
    """A tuning, and where what it was tuned on came from."""

    number: int
    """Counted from 1."""
    adapter_sha256: str
    """Of the weights' file that it made; of the last round, the one in the version."""
    parent_sha256: str = ""
    """Of the round before; empty for the first, which was tuned on the references. What a round is tuned on was drawn
    by it, or if a person's picks were taken from an older version (`rebuilt_from`), by that one's."""
    tuned_on_sha256: tuple[str, ...]
    """Of the images that it was tuned on, which lie in the version."""


class VersionDocument(_WithLayout):
    """What is needed to use a version, and the figures that tables of styles show."""

    layout: int = 2
    name: str
    created: datetime
    """When the run was started that made it."""
    base_name: str
    base_sha256: str
    kind: Literal["style", "subject"] = "style"
    class_word: str = ""
    """A subject's; its rare token stands before it."""
    rare_token: str = ""
    scorer_sha256: Sha256
    """Of the CLIP that Text and Style come from: scores of two do not compare."""
    style_phrase: str
    """Follows a content phrase in every prompt."""
    references: tuple[VersionReference, ...]
    tuned_on: tuple[str, ...]
    """The content phrases that no evaluation may use."""
    rounds: int
    method: str = "adapter"
    """What the last round tuned: `adapter`, `lora`, `soft_prompt` or `whole`."""
    lambda_a: float
    """What was chosen for the style."""
    adapter: tuple[str, ...]
    """Paths of the adapter's files."""
    enlarging: tuple[str, ...] = ()
    """Those of super-resolution's adapter."""
    before: VersionScores
    """The untuned base."""
    after: VersionScores
    leak: Score | None = None
    """None if all images show what a reference shows."""
    verdict: Literal["learnt", "not learnt", ""] = ""
    """Empty in versions published before there were verdicts."""
    gain: VersionScores | None = None
    """Over the untuned base, image by image: what the verdict rests on."""
    rebuilt_from: str = ""
    """The version, on another base, whose references and picks it was made from; empty if there is none."""
    over_old: VersionScores | None = None
    """What it gained over that one, image by image, both scored by its own base's CLIP."""
    lineage: tuple[VersionRound, ...]
    """All tunings in order."""

    @property
    def likeness(self) -> Likeness:
        """What the likeness to the references is called."""
        return LIKENESS[self.kind]


class Signature(_Kept):
    """A signature of a version's manifest (Ed25519): both in hexadecimal digits."""

    public_key: str
    signature: str


class Move(_Kept):
    """What was done about a style's current version."""

    action: Literal["published", "published late", "rolled back"]
    """Late is a version whose run was started before that of the current one: it lies there, and is not current."""
    version: VersionName
    manifest_sha256: str
    asked_at: datetime
    """When the run was started, or the command given: of two moves the one asked for later wins."""
    at: datetime
    by: str
    reason: str = ""


class RemovedFile(_Kept):
    """A file that a withdrawal removed, by its key in the store."""

    key: str
    at: datetime


class Withdrawal(_Kept):
    """A style's tombstone: who took it back, when and why."""

    by: str
    at: datetime
    reason: str
    removed: tuple[RemovedFile, ...] = ()

    @property
    def in_words(self) -> str:
        """Who, when and why."""
        return f"withdrawn by {self.by} at {self.at:%Y-%m-%d %H:%M} UTC: {self.reason}"


class Pointer(_WithLayout):
    """Which version of a style is current, and how that came about."""

    layout: int = 2
    version: VersionName | None
    """None if the style was withdrawn."""
    manifest_sha256: str | None
    history: tuple[Move, ...] = ()
    withdrawn: Withdrawal | None = None

    @model_validator(mode="after")
    def _current_is_of_its_history(self) -> Self:
        if self.version is not None and self.version not in self.versions:
            raise ValueError(f"expected the current version among those of its history, got {self.version}")
        return self

    @property
    def versions(self) -> tuple[str, ...]:
        """All that were published, the current one first, then the newest."""
        newest_first = dict.fromkeys(move.version for move in reversed(self.history))
        return tuple(sorted(newest_first, key=lambda version: version != self.version))

    @property
    def previous(self) -> str | None:
        """The version that was current before the current one."""
        were_current = [move.version for move in self.history if move.action != "published late"]
        return next((version for version in reversed(were_current) if version != self.version), None)
