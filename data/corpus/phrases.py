"""How the look of each style is put in words, to be read in "{content} in {phrase} style"."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def style_phrases() -> dict[str, list[str]]:
    """Training style -> phrasings of its look, the first the plainest."""
    return _read("training")


def phrases_sha256() -> str:
    """Digest of the training phrases."""
    return hashlib.sha256(json.dumps(style_phrases()).encode()).hexdigest()


def held_out_phrases() -> dict[str, list[str]]:
    """Held-out style -> phrasings of its look; never for training."""
    return _read("held_out")


def line_phrases() -> dict[str, tuple[str, ...]]:
    """Training style of one colour -> phrasings of its line in some `{ink}`."""
    return {style: tuple(phrases) for style, phrases in _read("line").items()}


def _read(part: str) -> dict[str, list[str]]:
    phrases: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("phrases.json").read_text("utf-8"))
    return phrases[part]
