"""Whether a version is what was published: signature, files, licence and consent, and where it came from.

Every check is made, whatever the others find. What a check proves, and what not, says docs/provenance.md.
"""

import hashlib
from collections.abc import Callable

from pydantic import ValidationError

from data.errors import NotInStore, PipelineError, StoreCorrupted
from data.keys import TRUSTED_KEYS, required_signing_key, trusted_keys
from data.records.record import Record
from data.store.files import Store
from data.store.lineage import (
    VersionFiles,
    agree,
    check_adapter,
    check_base,
    check_decisions,
    check_references,
    check_rounds,
    check_scorer,
)
from data.store.pointer import read_pointer
from data.store.published_style import DOCUMENT, MANIFEST, find_version, refuse_other_name
from data.store.signatures import FOLDER, names_of, read_signers, refuse_untrusted, sign_manifest


class Check(Record):
    """What one check found."""

    subject: str
    words: str
    is_refused: bool


def verify_version(uri: str) -> tuple[str, tuple[Check, ...]]:
    """The address of the version at `uri` (a version, or a style: its current one), and what all checks of it found.

    Raises:
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
        KeyUnusable: if the keys to trust cannot be read.
    """
    trusted_keys()
    version = VersionFiles(find_version(uri))
    return version.store.uri, tuple(_checked(subject, check, version) for subject, check in _CHECKS.items())


def sign_version(uri: str) -> tuple[str, str]:
    """Sign the version at `uri`, published already; gives its address and the key's name.

    Raises:
        KeyUnusable: if the environment names no key to sign with, or none that can be read.
        NotInStore: if there is no such version.
        StyleWithdrawn: if the style was taken back.
        StoreCorrupted: if any check but that of the signature refuses it.
    """
    key = required_signing_key()
    version = VersionFiles(find_version(uri))
    for subject, check in _CHECKS.items():
        found = _checked(subject, check, version)
        if found.is_refused and subject != "signature":
            raise StoreCorrupted(f"expected a whole version at {version.store.uri}, but {subject}: {found.words}")
    return version.store.uri, sign_manifest(version.store, version.manifest_bytes, key)


def _checked(subject: str, check: "_CheckFunction", version: "VersionFiles") -> Check:
    try:
        return Check(subject=subject, words=check(version), is_refused=False)
    except (PipelineError, ValidationError, ValueError, KeyError, TypeError, IndexError) as error:
        words = str(error) if isinstance(error, PipelineError) else f"cannot be read: {type(error).__name__}: {error}"
        return Check(subject=subject, words=" ".join(words.split()), is_refused=True)


_CheckFunction = Callable[[VersionFiles], str]


def _signature(version: VersionFiles) -> str:
    trusted = trusted_keys()
    signers = read_signers(version.store, version.manifest_bytes)
    if trusted is not None:
        refuse_untrusted(version.store, signers, trusted)
        return f"by {names_of(signer for signer in signers if signer in trusted)}, trusted"
    return f"by {names_of(signers)}; whom to trust no setting says ({TRUSTED_KEYS})" if signers else "unsigned"


def _manifest(version: VersionFiles) -> str:
    digest = hashlib.sha256(version.manifest_bytes).hexdigest()
    style, is_of_a_style, name = version.store.uri.rpartition("/versions/")
    name = name or version.store.uri.rpartition("/")[2]
    if digest[:16] != name:
        raise StoreCorrupted(f"expected the manifest that {name} is the digest of, got that of {digest[:16]}")
    pointer = read_pointer(Store(style)) if is_of_a_style else None
    if pointer is None:
        return f"that of {name}; no history lies beside it"
    published = {move.manifest_sha256 for move in pointer.history if move.version == name}
    if published != {digest}:
        raise StoreCorrupted(
            f"expected a version that the style's history names, by the digest {digest[:12]}, got "
            f"{sorted(one[:12] for one in published) or 'no mention of it'}"
        )
    return f"that of {name}, as the style's history names it"


def _files(version: VersionFiles) -> str:
    wrong = []
    for path in version.manifest:
        try:
            version.read(path)
        except NotInStore:
            wrong.append(f"{path} is missing")
        except StoreCorrupted:
            wrong.append(f"{path} has other bytes")
    named = {MANIFEST, *version.manifest}
    wrong += [
        f"{path} is not named"
        for path in version.store.list()
        if path not in named and not path.startswith(f"{FOLDER}/")
    ]
    if wrong:
        raise StoreCorrupted(
            f"expected {len(version.manifest)} files as the manifest names them, but {'; '.join(wrong)}"
        )
    return f"{len(version.manifest)}, as the manifest names them"


def _name(version: VersionFiles) -> str:
    agree("the name", {DOCUMENT: version.document.name, "card.json": version.card.name})
    refuse_other_name(version.store, version.document)
    return version.document.name


def _licence(version: VersionFiles) -> str:
    return _said("licence", version.card.licence, version.spec["licence"])


def _consent(version: VersionFiles) -> str:
    return _said("consent", version.card.consent, version.spec["consent"])


def _said(field: str, on_card: str, in_spec: str) -> str:
    if not on_card.strip():
        raise StoreCorrupted(f"expected a {field} in card.json, got none: nobody said that the references may be used")
    agree(f"the {field}", {"card.json": on_card, "spec.json": in_spec})
    return on_card


_CHECKS: dict[str, _CheckFunction] = {
    "signature": _signature,
    "manifest": _manifest,
    "files": _files,
    "name": _name,
    "licence": _licence,
    "consent": _consent,
    "base": check_base,
    "scorer": check_scorer,
    "adapter": check_adapter,
    "references": check_references,
    "rounds": check_rounds,
    "decisions": check_decisions,
}
