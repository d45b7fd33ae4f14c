"""How the parts of a base are pretrained: their sizes, and the schedule of each stage.

Where a size or a weight has a default, it is that of the embedded base; the schedules and what else it was trained with
stand in its card.
"""

from pydantic import Field

from styledrop.config.settings import Settings


class Schedule(Settings):
    """How long and how fast a stage trains.

    The learning rate is constant after a short warm-up and falls linearly to zero over the last `decay_steps`: any
    checkpoint can be made shippable by a short decay (warm-up, stable, decay; arXiv:2405.18392).
    """

    num_steps: int = Field(ge=0)
    """Optimizer steps. May grow later: the stage then goes on where it stood. With start_from, 0 leaves a part as it
    is."""
    learning_rate: float = Field(gt=0)
    """AdamW's learning rate."""
    batch_size: int = Field(ge=1)
    """Images, or sentences of the text encoder, in a step; all processes together."""
    warmup_steps: int = Field(default=100, ge=0)
    """First steps, in which the rates rise linearly."""
    decay_steps: int = Field(default=0, ge=0)
    """Last steps, in which the rates fall linearly to zero; 0 keeps the run open. May grow later."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Of matrices and kernels; biases and norms have none."""
    betas: tuple[float, float] = (0.9, 0.99)
    """AdamW's."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradients."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the moving average of the weights, per step; 0 for none."""
    muon_rate: float = Field(default=0.0, ge=0)
    """Learning rate of Muon, which then trains the matrices that the stage names; 0 leaves them to AdamW."""

    def share_of_rate(self, step: int) -> float:
        """Of the learning rates, what `step` (0-based) has: 0 to 1."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        left = (self.num_steps - step) / self.decay_steps if self.decay_steps else 1.0
        return warm * min(1.0, left)


class VQGANTraining(Settings):
    """E, D and the codebook."""

    schedule: Schedule
    block_out_channels: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each resolution; each but the last halves the sides."""
    layers_per_block: int = 1
    """Residual blocks of each resolution."""
    latent_channels: int = 16
    """Channels of a latent, and of a code."""
    num_codes: int = Field(default=4096, ge=1)
    """Size of the codebook."""
    norm_num_groups: int = 8
    """Of the group norms."""
    continuous_steps: int = Field(default=400, ge=0)
    """First steps of a run from random weights, without the codebook."""
    codebook_decay: float = Field(default=0.995, gt=0, lt=1)
    """Decay of a code's moving average, per step."""
    commitment_weight: float = Field(default=0.25, ge=0)
    """Weight of the latents' squared distance to their codes."""
    restart_every: int = Field(default=50, ge=1)
    """Steps after which unused codes are placed anew."""

    @property
    def downsampling(self) -> int:
        """Pixels a token, along one side."""
        return int(2 ** (len(self.block_out_channels) - 1))


class DecoderTraining(Settings):
    """D alone, after E and the codebook, with a perceptual distance and a discriminator; 0 steps leave it as it is."""

    schedule: Schedule
    perceptual_weight: float = Field(default=0.5, ge=0)
    """Weight of the distance in the scorer's image features."""
    palette_weight: float = Field(default=3.0, ge=0)
    """Weight of the absolute difference of local mean colours: looks differ in the exact hue of a red."""
    adversarial_weight: float = Field(default=0.05, ge=0)
    """Weight of the discriminator's loss."""
    discriminator_widths: tuple[int, ...] = (32, 64, 128)
    """Channels of the discriminator's layers."""
    replaced_share: float = Field(default=0.3, ge=0, le=1)
    """Largest share of an image's tokens that are replaced by near neighbours in the codebook."""
    near_codes: int = Field(default=8, ge=1)
    """A replaced token becomes one of so many nearest."""


class TextTraining(Settings):
    """The text encoder, distilled from a sentence encoder."""

    schedule: Schedule
    num_prompts: int = Field(default=20_000, ge=0)
    """Whole prompts among the sentences that are distilled."""
    num_merges: int = 4096
    """Merges of CLIP's byte-pair encoding that the vocabulary has."""
    max_length: int = 24
    """Tokens of a padded prompt; every one costs time in the generator's cross-attention."""
    width: int = 256
    """Of the hidden states."""
    layers: int = 4
    heads: int = 4
    """Attention heads of a layer; they divide `width`."""
    embed_dim: int = 256
    """Of the pooled vector."""
    temperature: float = Field(default=0.05, gt=0)
    """Temperature of telling sentences apart (InfoNCE)."""


class ClipTraining(Settings):
    """The scorer's image tower, and the last layer of its text tower; trained on the sets' own icons."""

    schedule: Schedule
    image_layers: tuple[int, int, int, int] = (1, 1, 2, 1)
    """Residual blocks of the image tower's four resolutions."""
    image_width: int = 24
    """Channels of the image tower's first resolution."""
    styles_per_batch: int = Field(default=16, ge=1)
    """Styles shown in a batch."""
    images_per_concept: int = Field(default=8, ge=1)
    """Images of a concept in a batch, at most."""
    caption_only: float = Field(default=0.15, ge=0, le=1)
    """Share of batches without style phrases; half of their images are recoloured."""


class MaskedModelTraining(Settings):
    """A generator, in aMUSEd's layout."""

    schedule: Schedule
    hidden_size: int
    """Width of the transformer."""
    num_hidden_layers: int
    """Of the transformer."""
    num_attention_heads: int
    """Of a transformer layer; they divide `hidden_size`."""
    intermediate_size: int
    """Width of a feed-forward's hidden layer."""
    channels: int
    """Of the convolutions before and after the transformer."""
    channel_heads: int
    """Attention heads beside these convolutions; they divide `channels`."""
    num_res_blocks: int = Field(ge=1)
    """Convolution blocks before and after the transformer. The model has no position embedding: positions leak in
    through the convolutions' zero padding, one token further inwards with each block, so a grid of 8 takes 3."""
    micro_cond_encode_dim: int = 32
    """Width of the encoding of each of the five micro-conditions."""
    text_dropout: float = Field(default=0.1, ge=0, le=1)
    """Share of prompts replaced by the empty one, for guidance (Muse, arXiv:2301.00704, Sec. 2.7)."""
    caption_only: float = Field(default=0.05, ge=0, le=1)
    """Share of prompts without a style phrase."""


class SuperResolutionTraining(MaskedModelTraining):
    """The second generator, for images of twice the size."""

    num_images: int = Field(default=12_000, ge=1)
    """Pictures to train on, drawn as the generator's are."""
    encoder_layers: int = 2
    """Transformer layers that read the small image's tokens."""
