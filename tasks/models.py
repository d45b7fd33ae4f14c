"""Bases, adapters and scorers, loaded once per process."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

import torch

import styledrop
from data.addresses import absolute, refuse_outside_roots
from data.documents.defaults import of_base
from data.errors import SpecError
from data.records.record import Blob
from data.store.files import read_blob
from styledrop.base import BaseIdentity
from styledrop.config.defaults import EMBEDDED
from styledrop.reading import files_sha256
from tasks.machine import device, dtype

_identities: dict[str, BaseIdentity] = {}
_scorers: dict[Path, str] = {}


def identify_base(name: str) -> BaseIdentity:
    """What tells the base `name` from others. It is hashed once per process, and no weights stay on a device.

    Raises:
        SpecError: if there is no such base, or it cannot be used.
    """
    if name not in _identities:
        _identities[name] = _identity_of(_load_base(name, "cpu", torch.float32))
    return _identities[name]


NAMES = (
    "adapter.safetensors", "adapter_config.json", "adapter_model.safetensors", "card.json",
    "pytorch_lora_weights.safetensors",
)  # fmt: skip
"""What an adapter's files may be called."""


@lru_cache(maxsize=1)
def open_base(name: str) -> styledrop.Base:
    """The base `name` ("embedded" or a folder), where and in what precision `tasks.machine` says.

    Raises:
        SpecError: if there is no such base, device or dtype, or the base cannot be used.
    """
    base = _load_base(name, device())
    _identities[name] = _identity_of(base)
    return base


def _load_base(name: str, where: str, precision: torch.dtype | None = None) -> styledrop.Base:
    folder = name if name == EMBEDDED else absolute(name)
    if "://" in folder:
        raise SpecError(f"base: expected 'embedded' or a folder of this machine, got {name!r}; copy the base here")
    if name != EMBEDDED:
        refuse_outside_roots(folder)
    try:
        return styledrop.Base.from_pretrained(folder, device=where, dtype=precision or dtype(of_base(name).dtype))
    except (styledrop.StyleDropError, ValueError) as error:  # ValueError: of what its card says
        raise SpecError(f"the base {name!r} cannot be used: {error}") from error


def _identity_of(base: styledrop.Base) -> BaseIdentity:
    """What is kept of a base by a process that only watches a batch, and so holds no accelerator."""
    return BaseIdentity(**{field.name: getattr(base, field.name) for field in fields(BaseIdentity)})


def refuse_cut_prompts(base: BaseIdentity, prompts: Sequence[str]) -> None:
    """Refuse prompts that the base's text encoder would cut.

    Raises:
        SpecError: naming the longest, how long it is and how long it may be.
    """
    counts = base.text.count_tokens(prompts) if prompts else []
    too_long = sum(count > base.text.max_tokens for count in counts)
    if too_long:
        longest = max(range(len(counts)), key=counts.__getitem__)
        raise SpecError(
            f"expected whole prompts (content and style phrase) of at most {base.text.max_tokens} tokens, all that "
            f"base {base.name!r} reads, got {too_long} that are longer: {prompts[longest]!r} has {counts[longest]}; "
            "shorten the style phrase, or the contents"
        )


@lru_cache(maxsize=1)
def open_scorer(base_name: str, scorer: str = "") -> styledrop.ClipScorer:
    """The CLIP scorer in the folder `scorer`, or else the one that lies beside the base `base_name`.

    Raises:
        SpecError: if there is none, or it cannot be used.
    """
    base = open_base(base_name)
    try:
        return styledrop.ClipScorer(scorer_folder(base, scorer), device=base.device)
    except styledrop.StyleDropError as error:
        named = f"the scorer {scorer!r}" if scorer else f"the scorer of base {base_name!r}"
        raise SpecError(f"{named} cannot be used: {error}") from error


def identify_scorer(base: BaseIdentity, scorer: str) -> str:
    """Digest of what `open_scorer` opens, which the base's own digest leaves out; hashed once per process.

    Raises:
        SpecError: if there is none.
    """
    folder = scorer_folder(base, scorer)
    if folder not in _scorers:
        _scorers[folder] = files_sha256(folder, [path.name for path in folder.iterdir() if path.is_file()])
    return _scorers[folder]


def scorer_folder(base: BaseIdentity, scorer: str) -> Path:
    """The folder of the scorer: `scorer`, or, if that is empty, `clip` in the base's own folder.

    Raises:
        SpecError: if there is none.
    """
    if scorer:
        folder = absolute(scorer)
        if "://" in folder or not Path(folder).is_dir():
            raise SpecError(
                f"scorer: expected an open_clip folder of this machine, got {scorer!r}; copy the model here"
            )
        refuse_outside_roots(folder)
        return Path(folder)
    if base.clip_folder is None:
        raise SpecError(
            f"expected a scorer (an open_clip folder) in {base.folder}/clip, got none; add one there, or name one as "
            "`scorer`"
        )
    return base.clip_folder


def open_adapter(files: Mapping[str, Blob], base: styledrop.Base) -> styledrop.Tuned:
    """The adapter whose `files`, by name, lie in a store.

    Raises:
        SpecError: if it was tuned on another base, or its files cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, blob in files.items():
            if name not in NAMES:
                raise SpecError(f"expected files of an adapter ({', '.join(NAMES)}), got {name!a:.80} at {blob.uri}")
            (Path(folder) / name).write_bytes(read_blob(blob))
        try:
            return styledrop.load_adapter(Path(folder), base)
        except styledrop.StyleDropError as error:
            where = ", ".join(sorted(blob.uri for blob in files.values()))
            raise SpecError(f"the adapter of {where} cannot be used: {error}") from error
