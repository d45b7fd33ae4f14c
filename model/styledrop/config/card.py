"""What travels with an adapter: its card, which JSON documents of versions are checked by, too."""

from collections.abc import Mapping
from typing import Any

from styledrop.config.settings import Settings
from styledrop.config.tuning import AdapterConfig, Method


class StyleReference(Settings):
    """One image that a style was tuned on in the first round."""

    sha256: str
    """Of the image file."""
    content_phrase: str
    style_phrase: str
    content_phrase_from: str = "given"
    """Whether it stood in the spec, or was proposed by the base's scorer, and what was made of that by whom."""
    style_phrase_from: str = "given"


class Card(Settings):
    """What an adapter is: the base it belongs to, what it was tuned on and how, who may use it.

    `save_adapter` fills in what it alone knows: `adapter`, `weights_sha256`, `versions`, `created`.
    """

    name: str
    base_name: str
    base_sha256: str
    kind: str = "style"
    """What was learnt: a `style`, or a `subject`, whose references have a rare token as their words."""
    adapter: Method = AdapterConfig()
    weights_sha256: str = ""
    references: tuple[StyleReference, ...] = ()
    prompts: tuple[str, ...] = ()
    """The prompts of the last round's training images."""
    licence: str = ""
    """Under which the references may be used."""
    consent: str = ""
    """Who agreed to the style's use, and how; empty if nobody was asked."""
    feedback: str = ""
    """Who kept candidates: `clip`, `human`, `hybrid` or `random`; empty after one round."""
    rounds: tuple[Mapping[str, Any], ...] = ()
    """What was done in each round, with its losses and scores."""
    seeds: Mapping[str, int] = {}
    guidance: Mapping[str, float] = {}
    """The settings to sample with, by the names of `Guidance`."""
    scorer_sha256: str = ""
    """Of the CLIP that all scores here come from; those of two do not compare."""
    leak: Mapping[str, Any] = {}
    """How much of the references' content shows in images of other contents: `mean`, `standard_error` and
    `threshold` (see `styledrop.leak`), and if it is above, `published_by`: who let it be published."""
    verdict: Mapping[str, Any] = {}
    """Whether the style was learnt: what `text` and `style` gained over the untuned base, image by image."""
    versions: Mapping[str, str] = {}
    created: str = ""

    @property
    def style_phrase(self) -> str:
        """The words that bring the style into a prompt; empty if no reference is named."""
        return self.references[0].style_phrase if self.references else ""

    @property
    def trigger_phrase(self) -> str:
        """The words that bring what was learnt into a prompt."""
        return self.references[0].content_phrase if self.kind == "subject" and self.references else self.style_phrase
