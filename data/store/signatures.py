"""Signatures of a version: Ed25519 over the bytes of its `manifest.json`, and so over every file that it names.

    styles/NAME/versions/VERSION/signatures/KEY.json    `Signature`; KEY is the public key's name (`data.keys`)

A version has none, one, or several: one of each key. They are no part of the version's digest, so a version can be
signed later, and by a new key.
"""

from collections.abc import Collection, Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from data.errors import SignatureRefused
from data.keys import TRUSTED_KEYS, key_name
from data.parsing import problem_in
from data.records.version import Signature
from data.store.files import Store

FOLDER = "signatures"


def sign_manifest(version: Store, manifest: bytes, key: Ed25519PrivateKey) -> str:
    """Put the signature of `manifest` by `key` into the folder of its version, and give the key's name.

    The same key always gives the same signature: signing twice is signing once.

    Raises:
        StoreNotWritable: if the store refuses.
        StoreCorrupted: if something else lies where the signature belongs.
    """
    public = key.public_key()
    signature = Signature(public_key=public.public_bytes_raw().hex(), signature=key.sign(manifest).hex())
    version.write_same(f"{FOLDER}/{key_name(public)}.json", signature.model_dump_json(indent=2).encode() + b"\n")
    return key_name(public)


def read_signers(version: Store, manifest: bytes) -> tuple[Ed25519PublicKey, ...]:
    """The public keys that have signed `manifest`; none if the version in the folder `version` is unsigned.

    Raises:
        SignatureRefused: if a signature cannot be read, or is not of this manifest.
    """
    return tuple(_signer(version, path, manifest) for path in version.list(FOLDER))


def refuse_untrusted(
    version: Store, signers: Collection[Ed25519PublicKey], trusted: Collection[Ed25519PublicKey]
) -> None:
    """Go no further with a version that none of the `trusted` keys has signed.

    Raises:
        SignatureRefused: with the names of the keys.
    """
    if not any(signer in trusted for signer in signers):  # keys can be compared, not hashed
        raise SignatureRefused(
            f"expected a version signed by {names_of(trusted)} ({TRUSTED_KEYS}) at {version.uri}, got one "
            f"{f'signed by {names_of(signers)}' if signers else 'that is unsigned'}; take another version, or let one "
            "who holds a trusted key sign this one: styledrop-published sign"
        )


def names_of(keys: Iterable[Ed25519PublicKey]) -> str:
    """What the keys are called, in a list."""
    return ", ".join(sorted(map(key_name, keys)))


def _signer(version: Store, path: str, manifest: bytes) -> Ed25519PublicKey:
    content = version.read(path)
    try:
        signature = Signature.model_validate_json(content)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        if path != f"{FOLDER}/{key_name(key)}.json":
            raise ValueError(f"it holds the key {key_name(key)}")
        key.verify(bytes.fromhex(signature.signature), manifest)
    except InvalidSignature:
        raise SignatureRefused(
            f"expected a signature of this version's manifest at {version.uri}/{path}, got one of something else; "
            "the manifest or the signature was changed: take the version from where it was published"
        ) from None
    except (ValueError, ValidationError) as error:
        raise SignatureRefused(
            f"expected a signature at {version.uri}/{path}, got something else: {problem_in(error)}; "
            "take the version from where it was published"
        ) from error
    return key
