"""A tuned adapter on disk: a folder of `adapter.safetensors` and `card.json`.

A LoRA lies there as PEFT reads it, `adapter_model.safetensors` with `adapter_config.json`, and once more as diffusers
does, `pytorch_lora_weights.safetensors`.

The card says what the adapter is: which base it belongs to, what it was tuned on and how, who may
use it. An adapter is loaded only with weights that its card describes, onto the base it was tuned on.
The weights' header says the most important of it again, for programs that know no cards (`model_spec`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from styledrop.base import Base
from styledrop.config.tuning import AdapterConfig, LoRAConfig, Method
from styledrop.errors import ArtifactError, ChecksumMismatch, IncompatibleBase
from styledrop.lora import LoRA
from styledrop.methods import METHODS, method_name, method_of, new_tuned
from styledrop.model_spec import describe, with_metadata
from styledrop.reading import reading
from styledrop.tuned import Tuned

_PEFT_WEIGHTS, _PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
_DIFFUSERS_WEIGHTS, _DIFFUSERS_METADATA = "pytorch_lora_weights.safetensors", "lora_adapter_metadata"

WEIGHTS_NAME = "adapter.safetensors"
CARD_NAME = "card.json"

_ARCHITECTURES = {
    "adapter": "amused/styledrop-adapter",
    "lora": "amused/lora",
    "soft_prompt": "amused/soft-prompt",
    "whole": "amused",
}
"""ModelSpec's names: what is tuned, behind what it is tuned for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StyleReference:
    """One image that a style was tuned on in the first round."""

    sha256: str
    """Of the image file."""
    content_phrase: str
    style_phrase: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What travels with an adapter; JSON throughout.

    `save_adapter` fills in what it alone knows: `adapter`, `weights_sha256`, `versions`, `created`.
    """

    name: str
    base_name: str
    base_sha256: str
    kind: str = "style"
    """What was learnt: a `style`, or a `subject`, whose references have a rare token as their words."""
    adapter: Method = field(default_factory=AdapterConfig)
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
    seeds: Mapping[str, int] = field(default_factory=dict)
    guidance: Mapping[str, float] = field(default_factory=dict)
    """The settings to sample with, by the names of `Guidance`."""
    scorer_sha256: str = ""
    """Of the CLIP that all scores here come from; those of two do not compare."""
    leak: Mapping[str, Any] = field(default_factory=dict)
    """How much of the references' content shows in images of other contents: `mean`, `standard_error` and
    `threshold` (see `styledrop.leak`), and if it is above, `published_by`: who let it be published."""
    verdict: Mapping[str, Any] = field(default_factory=dict)
    """Whether the style was learnt: what `text` and `style` gained over the untuned base, image by image."""
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""

    @property
    def style_phrase(self) -> str:
        """The words that bring the style into a prompt; empty if no reference is named."""
        return self.references[0].style_phrase if self.references else ""

    @property
    def trigger_phrase(self) -> str:
        """The words that bring what was learnt into a prompt."""
        return self.references[0].content_phrase if self.kind == "subject" and self.references else self.style_phrase

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """Read a card.

        Raises:
            ArtifactError: it is no JSON object, or a key is missing or unknown.
        """
        with reading(Path(CARD_NAME), ArtifactError):
            given = json.loads(text)
            sizes = dict(given["adapter"])
            given["adapter"] = METHODS[sizes.pop("method", "adapter")](**sizes)
            given["references"] = tuple(StyleReference(**reference) for reference in given["references"])
            for key in ("prompts", "rounds"):
                given[key] = tuple(given[key])
            unknown = sorted(given.keys() - {known.name for known in fields(cls)})
            if unknown:
                raise ArtifactError(
                    f"expected a card of this version, got the unknown keys {unknown}; update styledrop"
                )
            for key in ("name", "base_name", "base_sha256", "weights_sha256"):
                if not isinstance(given[key], str):
                    raise ArtifactError(f"expected text as the card's {key}, got {given[key]!r:.80}; copy it again")
            return cls(**given)

    def to_json(self) -> str:
        """Write what `from_json` reads."""
        written = asdict(self)
        written["adapter"] = {"method": method_name(self.adapter), **self.adapter.model_dump()}
        return json.dumps(written, indent=2) + "\n"


def save_adapter(adapter: Tuned, card: Card, folder: Path) -> Card:
    """Write the adapter and its card; return the card as written."""
    folder.mkdir(parents=True, exist_ok=True)
    described = replace(
        card,
        adapter=method_of(adapter),
        versions={"styledrop": version("styledrop"), "torch": torch.__version__, **card.versions},
        created=card.created or datetime.now(UTC).isoformat(timespec="seconds"),
    )
    weights = _saved(adapter.state_dict(), described)
    written = replace(described, weights_sha256=hashlib.sha256(weights).hexdigest())
    (folder / _weights_name(written.adapter)).write_bytes(weights)
    if isinstance(adapter, LoRA):
        (folder / _PEFT_CONFIG).write_text(json.dumps(adapter.peft_config(card.base_name), indent=2) + "\n")
        metadata = {_DIFFUSERS_METADATA: json.dumps(adapter.diffusers_metadata(), indent=2, sort_keys=True)}
        (folder / _DIFFUSERS_WEIGHTS).write_bytes(_saved(adapter.diffusers_weights(), described, metadata))
    (folder / CARD_NAME).write_text(written.to_json())
    return written


def load_card(folder: Path) -> Card:
    """Read the card of the adapter in `folder`.

    Raises:
        ArtifactError: there is none, or it cannot be read.
    """
    path = folder / CARD_NAME
    if not path.is_file():
        raise ArtifactError(f"expected {path}, got no such file; is {folder} an adapter's folder?")
    try:
        with reading(path, ArtifactError):
            return Card.from_json(path.read_text(encoding="utf-8"))
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from error


def load_adapter(folder: Path, base: Base) -> Tuned:
    """Load the adapter in `folder`, to be used with `base`.

    Raises:
        IncompatibleBase: it was tuned on another base.
        ChecksumMismatch: the weights are not those of its card.
        ArtifactError: a file is missing or cannot be read.
    """
    card = load_card(folder)
    if card.base_sha256 != base.sha256:
        raise IncompatibleBase(
            f"adapter {card.name!r} was tuned on base {card.base_name!r} ({card.base_sha256[:12]}), "
            f"but the loaded base is {base.name!r} ({base.sha256[:12]}); load that base, or tune the adapter again"
        )
    path = folder / _weights_name(card.adapter)
    if not path.is_file():
        raise ArtifactError(f"expected {path}, got no such file; copy the whole folder of adapter {card.name!r}")
    weights = path.read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    if digest != card.weights_sha256:
        raise ChecksumMismatch(
            f"{path}: expected weights with sha256 {card.weights_sha256[:12]}, got {digest[:12]}; copy the folder again"
        )
    with reading(path, ArtifactError, "the weights do not fit the card's adapter settings"):
        adapter = new_tuned(card.adapter, base.generator)
        adapter.load_state_dict(load(weights))
    return adapter.to(base.device).requires_grad_(False).eval()


def _saved(tensors: Mapping[str, torch.Tensor], card: Card, more_metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file whose header says what `card` says."""
    weights = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    method = method_name(card.adapter)
    where = "end with" if card.kind == "style" else "begin with"
    words = f", for prompts that {where} {card.trigger_phrase!r}" if card.trigger_phrase else ""
    metadata = describe(
        weights,
        architecture=_ARCHITECTURES[method],
        title=card.name,
        description=f"A {card.kind} on the base {card.base_name!r} ({card.base_sha256[:12]}){words}",
        date=card.created,
        licence=card.licence,
        trigger_phrase=card.trigger_phrase,
        tags=f"styledrop, {card.kind}, {method}, text-to-image",
    )
    return with_metadata(weights, metadata | dict(more_metadata or {}))


def _weights_name(method: Method) -> str:
    return _PEFT_WEIGHTS if isinstance(method, LoRAConfig) else WEIGHTS_NAME
