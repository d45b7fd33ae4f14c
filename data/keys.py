"""Keys that say who published a version or drew an image: Ed25519, as PEM, in a file or in the environment itself.

    STYLEDROP_SIGNING_KEY     one private key: versions that are published are signed with it, and images that are drawn
    STYLEDROP_TRUSTED_KEYS    public keys, one after another: no version is opened that none of them has signed

Either holds the PEM or the path of a file that does. docs/provenance.md says how they are made.
"""

import hashlib
import os
import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from data.errors import KeyUnusable

SIGNING_KEY = "STYLEDROP_SIGNING_KEY"
TRUSTED_KEYS = "STYLEDROP_TRUSTED_KEYS"

_NAME_DIGITS = 16
_PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def signing_key() -> Ed25519PrivateKey | None:
    """The key to sign with; None if the environment names none.

    Raises:
        KeyUnusable: if it names one that cannot be read, or no Ed25519 key.
    """
    pem = _pem(SIGNING_KEY)
    if pem is None:
        return None
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their words may quote the key
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(
            f"{SIGNING_KEY}: expected an Ed25519 private key as PEM, without a password, got something else; "
            "make one: openssl genpkey -algorithm ed25519"
        )
    return key


def required_signing_key() -> Ed25519PrivateKey:
    """The key to sign with.

    Raises:
        KeyUnusable: if the environment names none, or one that `signing_key` refuses.
    """
    key = signing_key()
    if key is None:
        raise KeyUnusable(
            f"expected a key to sign with in {SIGNING_KEY}, got none; docs/provenance.md says how to make one"
        )
    return key


def trusted_keys() -> tuple[Ed25519PublicKey, ...] | None:
    """The keys of whose versions alone are opened; None if the environment names none: all are opened.

    Raises:
        KeyUnusable: if what it names cannot be read, or holds no Ed25519 public key or something else besides.
    """
    pem = _pem(TRUSTED_KEYS)
    if pem is None:
        return None
    good = tuple(key for block in _PUBLIC_KEY.findall(pem) if (key := _public_key(block)) is not None)
    if not good or len(good) != pem.count("-----BEGIN"):
        raise KeyUnusable(
            f"{TRUSTED_KEYS}: expected Ed25519 public keys as PEM and nothing else, got {len(good)} of them among "
            f"{pem.count('-----BEGIN')} parts; write one: openssl pkey -in KEY -pubout"
        )
    return good


def key_name(key: Ed25519PublicKey) -> str:
    """What a public key is called: the first digits of its digest."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:_NAME_DIGITS]


def _public_key(pem: str) -> Ed25519PublicKey | None:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _pem(variable: str) -> str | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if value.startswith("-----BEGIN"):
        return value
    try:
        return Path(value).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:  # a home folder that nobody has is the last
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise KeyUnusable(
            f"{variable}: expected PEM, or the path of a file that holds it, got {value[:80]!r}: {reason}; "
            "correct the path, or leave the variable out"
        ) from None
