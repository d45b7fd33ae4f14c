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
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load, save

from styledrop.base import Base
from styledrop.config.card import Card
from styledrop.config.tuning import LoRAConfig, Method
from styledrop.errors import ArtifactError, ChecksumMismatch, IncompatibleBase
from styledrop.lora import LoRA
from styledrop.methods import method_of, new_tuned
from styledrop.model_spec import MODEL_SPEC, tensors_sha256, with_metadata
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


def save_adapter(adapter: Tuned, card: Card, folder: Path) -> Card:
    """Write the adapter and its card; return the card as written."""
    folder.mkdir(parents=True, exist_ok=True)
    described = card.model_copy(
        update={
            "adapter": method_of(adapter),
            "versions": {"styledrop": version("styledrop"), "torch": torch.__version__, **card.versions},
            "created": card.created or datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    weights = _saved(adapter.state_dict(), described)
    written = described.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    (folder / _weights_name(written.adapter)).write_bytes(weights)
    if isinstance(adapter, LoRA):
        (folder / _PEFT_CONFIG).write_text(json.dumps(adapter.peft_config(card.base_name), indent=2) + "\n")
        metadata = {_DIFFUSERS_METADATA: json.dumps(adapter.diffusers_metadata(), indent=2, sort_keys=True)}
        (folder / _DIFFUSERS_WEIGHTS).write_bytes(_saved(adapter.diffusers_weights(), described, metadata))
    (folder / CARD_NAME).write_text(json.dumps(written.model_dump(), indent=2) + "\n")
    return written


def load_card(folder: Path) -> Card:
    """Read the card of the adapter in `folder`.

    Raises:
        ArtifactError: there is none, it is no JSON object, or a key is missing or unknown.
    """
    path = folder / CARD_NAME
    if not path.is_file():
        raise ArtifactError(f"expected {path}, got no such file; is {folder} an adapter's folder?")
    with reading(path, ArtifactError):
        given = json.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(given.keys() - Card.model_fields.keys())
        if unknown:
            raise ArtifactError(
                f"{path}: expected a card of this version, got the unknown keys {unknown}; update styledrop"
            )
        return Card.model_validate(given)


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
    where = "end with" if card.kind == "style" else "begin with"
    words = f", for prompts that {where} {card.trigger_phrase!r}" if card.trigger_phrase else ""
    known = {
        "sai_model_spec": MODEL_SPEC,
        "architecture": _ARCHITECTURES[card.adapter.method],
        "implementation": "styledrop",
        "title": card.name,
        "description": f"A {card.kind} on the base {card.base_name!r} ({card.base_sha256[:12]}){words}",
        "date": card.created,
        "hash_sha256": f"0x{tensors_sha256(weights)}",
        "license": card.licence,
        "trigger_phrase": card.trigger_phrase,
        "tags": f"styledrop, {card.kind}, {card.adapter.method}, text-to-image",
    }
    metadata = {"format": "pt"} | {f"modelspec.{key}": value for key, value in known.items() if value}
    return with_metadata(weights, metadata | dict(more_metadata or {}))


def _weights_name(method: Method) -> str:
    return _PEFT_WEIGHTS if isinstance(method, LoRAConfig) else WEIGHTS_NAME
