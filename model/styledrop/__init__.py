"""StyleDrop (arXiv 2306.00983): any style from one image, on a Muse base, in plain PyTorch."""

from importlib.metadata import version

from styledrop.adapters import Adapter, AdapterConfig, Mixture
from styledrop.artifact import Card, StyleReference, load_adapter, load_card, save_adapter
from styledrop.base import Base, load_base, save_base
from styledrop.enlarge import enlarge, tune_enlarging
from styledrop.errors import (
    ArtifactError,
    BaseError,
    CheckpointMismatch,
    ChecksumMismatch,
    IncompatibleBase,
    SamplingError,
    StyleDropError,
    TuningError,
)
from styledrop.full_fine_tune import FullFineTuneConfig
from styledrop.guidance import Guidance
from styledrop.lora import LoRAConfig
from styledrop.sampler import SamplingConfig, sample, sample_tokens
from styledrop.scoring import ClipScorer, Scores
from styledrop.soft_prompt import SoftPromptConfig
from styledrop.tuned import Tuned
from styledrop.tuning import TuningConfig, tune
from styledrop.views import views

__version__ = version("styledrop")

__all__ = [
    "Adapter",
    "AdapterConfig",
    "ArtifactError",
    "Base",
    "BaseError",
    "Card",
    "CheckpointMismatch",
    "ChecksumMismatch",
    "ClipScorer",
    "FullFineTuneConfig",
    "Guidance",
    "IncompatibleBase",
    "LoRAConfig",
    "Mixture",
    "SamplingConfig",
    "SamplingError",
    "Scores",
    "SoftPromptConfig",
    "StyleDropError",
    "StyleReference",
    "Tuned",
    "TuningConfig",
    "TuningError",
    "enlarge",
    "load_adapter",
    "load_base",
    "load_card",
    "sample",
    "sample_tokens",
    "save_adapter",
    "save_base",
    "tune",
    "tune_enlarging",
    "views",
]
