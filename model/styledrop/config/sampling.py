"""How images are drawn. Defaults are the paper's (StyleDrop, Tab. S3)."""

from typing import Annotated

from pydantic import Field

from styledrop.config.settings import Settings

Temperature = Annotated[float, Field(ge=0, le=100)]

LambdaA = Annotated[
    float,
    Field(
        ge=0,
        le=20,
        description="How far towards the style (λ_A); the paper: 0 to 2. At 5 it copies the reference's content.",
    ),
]
LambdaB = Annotated[
    float,
    Field(
        ge=0,
        le=20,
        description="How far towards the prompt (λ_B); the paper: 5. Without an adapter it is Muse's λ, which counts "
        "from zero: the usual guidance scale less one.",
    ),
]


class SamplingConfig(Settings):
    """Steps and temperatures of parallel decoding (MaskGIT, arXiv:2202.04200)."""

    steps: int = Field(default=36, ge=1, le=1024)
    """Decoding steps; the paper: 36."""
    temperature: Temperature | tuple[Temperature, Temperature] = 4.5
    """Noise in the choice of tokens to keep, falling to zero; the paper: 4.5. A pair runs linearly from the first step
    to the last (aMUSEd: 2 to 0)."""
    token_temperature: float = Field(default=1.0, gt=0, le=100)
    """Temperature of the tokens themselves: 1 in MaskGIT and aMUSEd; below 1, likely ones are likelier."""


class Guidance(Settings):
    """How far the logits move away from the un-adapted model and from the negative prompt (StyleDrop, Eq. 4 to 6)."""

    lambda_a: LambdaA = 2.0
    lambda_content: LambdaA | None = None
    """Of the content's adapter, where there is one beside the style's; left out, the same as `lambda_a`."""
    lambda_b: LambdaB = 5.0
    gamma: float = Field(default=0.5, ge=0, le=1)
    """Content against style where both have an adapter: 0 is the style's alone, 1 the content's; the paper: 0.5 to
    0.7."""
