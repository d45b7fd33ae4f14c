"""A small version to publish, sign and tamper with."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from data.store.candidates import Candidate, to_parquet
from data.store.files import Store
from data.store.publication import publish_version

DAY = datetime(2026, 1, 1, tzinfo=UTC)
OURS, THEIRS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def private_pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def public_pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def dumped(document: object) -> bytes:
    return json.dumps(document).encode()


def version_files(name: str = "ink") -> dict[str, bytes]:
    """A version of two rounds with a person's picks and a leak that a person let pass, without real pictures."""
    images = [f"image {number}".encode() for number in range(3)]
    rows = [
        Candidate(index=number, content_phrase="a cat", prompt="a cat in ink", seed=number, image=image, text_score=0.5,
                  style_score=0.5)
        for number, image in enumerate(images)
    ]  # fmt: skip
    table = to_parquet(rows)
    said = {"decided_at": DAY.isoformat(), "candidates_sha256": sha(table), "note": ""}
    decision = {**said, "decision": "approve", "reviewer": "Ada", "picks": [1]}
    feedback = {
        "round_number": 1,
        "source": "human",
        "kept": [1],
        "table": {"uri": "feedback/round-1.parquet", "sha256": sha(table), "size_bytes": len(table)},
        "decision": decision,
    }
    card = {
        "name": name, "base_name": "tiny", "base_sha256": "a" * 64, "weights_sha256": sha(b"weights"),
        "licence": "CC0-1.0", "consent": "own work", "feedback": "human", "rounds": [{}, {}],
        "references": [{"sha256": "e" * 64, "content_phrase": "a disc", "style_phrase": "in ink"}],
        "leak": {"mean": 0.3, "standard_error": 0.1, "threshold": 0.1, "published_by": "Eve"},
        "scorer_sha256": "5" * 64,
    }  # fmt: skip
    scores = {part: {"mean": 0.5, "standard_error": 0.1} for part in ("text", "style")}
    document = {
        "layout": 2, "name": name, "created": DAY.isoformat(), "base_name": "tiny", "base_sha256": "a" * 64,
        "scorer_sha256": "5" * 64, "style_phrase": "in ink", "tuned_on": ["a disc", "a cat"], "rounds": 2,
        "lambda_a": 0.5, "adapter": ["adapter.safetensors", "card.json"], "before": scores, "after": scores,
        "references": [{"content_phrase": "a disc", "style_phrase": "in ink", "source_sha256": "e" * 64,
                        "prompt": "a disc in ink", "image": "references/0.png"}],
        "lineage": [
            {"number": 1, "adapter_sha256": "1" * 64, "tuned_on_sha256": [sha(b"reference")]},
            {"number": 2, "adapter_sha256": sha(b"weights"), "parent_sha256": "1" * 64,
             "tuned_on_sha256": [sha(images[1])]},
        ],
    }  # fmt: skip
    return {
        "adapter.safetensors": b"weights",
        "card.json": dumped(card),
        "feedback/round-1.json": dumped(feedback),
        "feedback/round-1.parquet": table,
        "references/0.png": b"reference",
        "spec.json": dumped({"licence": "CC0-1.0", "consent": "own work"}),
        "version.json": dumped(document),
        "word.json": dumped({**said, "decision": "publish", "reviewer": "Eve", "picks": []}),
    }


def publish(store: Store, files: dict[str, bytes], name: str = "ink") -> str:
    return publish_version(store, name, files, asked_at=DAY, by="run").uri
