"""A signed version is verified, and every way to tamper with it is refused in words."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.errors import NotInStore, SignatureRefused, SpecError, StoreCorrupted, StyleWithdrawn
from data.keys import SIGNING_KEY, TRUSTED_KEYS, key_name
from data.store.files import Store
from data.store.pointer import style_folder
from data.store.publication import roll_back, withdraw
from data.store.published_style import check_version, read_document, read_version
from data.store.verification import sign_version, verify_version
from published.__main__ import main
from tests.data.store.signed_version import (
    OURS,
    THEIRS,
    dumped,
    private_pem,
    public_pem,
    publish,
    version_files,
)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Our key signs and is trusted."""
    monkeypatch.setenv(SIGNING_KEY, private_pem(OURS))
    monkeypatch.setenv(TRUSTED_KEYS, public_pem(OURS))
    return monkeypatch


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/store")


def refusals(uri: str) -> dict[str, str]:
    return {check.subject: check.words for check in verify_version(uri)[1] if check.is_refused}


def test_a_signed_version_is_verified_and_says_what_was_checked(
    store: Store, keys: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(store, version_files())
    assert main(["verify", f"{store.uri}/styles/ink"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[:-1])
    assert lines["signature"] == f"by {key_name(OURS.public_key())}, trusted"
    assert lines["files"] == "8, as the manifest names them"
    assert (lines["licence"], lines["consent"]) == ("CC0-1.0", "own work")
    assert (lines["base"], lines["scorer"]) == (f"tiny ({'a' * 12})", "5" * 12)
    assert lines["rounds"] == "2, each on what was kept of the one before"
    assert lines["decisions"] == "round 1 by human (Ada); the leak by Eve"


# Who can write into the store changes what lies there; who holds the key could publish lies.

Tamper = Callable[[Store, str], str | None]
"""Changes the store, given the version's address; gives another address to verify, or none for the same."""


def changed(path: str, change: Callable[[bytes], bytes]) -> Tamper:
    def tamper(store: Store, uri: str) -> None:
        version = Store(uri)
        content = version.read(path)
        version.swap(path, content, change(content))

    return tamper


def flip(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


def republished(path: str, *steps: str | int, value: object = None, key: Ed25519PrivateKey = OURS) -> Tamper:
    """Published by `key` with one value of the JSON in `path` set to `value`, or without `path`."""

    def tamper(store: Store, uri: str) -> str:
        files = version_files()
        if steps:
            document = json.loads(files[path])
            place = document
            for step in steps[:-1]:
                place = place[step]
            place[steps[-1]] = value
            files[path] = dumped(document)
        else:
            del files[path]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(SIGNING_KEY, private_pem(key))
            return publish(store, files)

    return tamper


def without_signature(store: Store, uri: str) -> None:
    version = Store(uri)
    [signature] = version.list("signatures")
    version.remove(signature)


def with_the_signature_of_another(store: Store, uri: str) -> None:
    other = Store(publish(store, {**version_files(), "word.json": dumped({"decision": "publish", "reviewer": "eve"})}))
    [signature] = other.list("signatures")
    changed(signature, lambda _: other.read(signature))(store, uri)


def under_another_name(store: Store, uri: str) -> str:
    for key in store.list("styles/ink"):
        store.write_new(key.replace("styles/ink", "styles/gold"), store.read(key))
    return uri.replace("styles/ink", "styles/gold")


def signed_under_our_name(store: Store, uri: str) -> None:
    """Signed by another key that passes for ours."""
    version = Store(uri)
    [path] = version.list("signatures")
    forged = {"public_key": THEIRS.public_key().public_bytes_raw().hex(),
              "signature": THEIRS.sign(version.read("manifest.json")).hex()}  # fmt: skip
    changed(path, lambda _: dumped(forged))(store, uri)


def with_one_file_more(store: Store, uri: str) -> None:
    Store(uri).write_new("super_resolution/adapter.safetensors", b"planted")


def with_reversed_signature(content: bytes) -> bytes:
    document = json.loads(content)
    return dumped({**document, "signature": document["signature"][::-1]})


def out_of_history(store: Store, uri: str) -> None:
    def forget(content: bytes) -> bytes:
        pointer = json.loads(content)
        pointer["history"][0]["manifest_sha256"] = pointer["manifest_sha256"] = "0" * 64
        return dumped(pointer)

    changed("current.json", forget)(store, uri.partition("/versions/")[0])


OURS_NAME, THEIRS_NAME = key_name(OURS.public_key()), key_name(THEIRS.public_key())
CARD, VERSION, FEEDBACK = "card.json", "version.json", "feedback/round-1.json"

TAMPERED = {
    "a changed byte of the weights": (
        changed("adapter.safetensors", flip), "files", "adapter.safetensors has other bytes"),
    "a changed byte of a reference": (
        changed("references/0.png", flip), "files", "references/0.png has other bytes"),
    "a missing file": (
        lambda _, uri: Store(uri).remove("word.json"), "files", "word.json is missing"),
    "a file more": (
        with_one_file_more, "files", "super_resolution/adapter.safetensors is not named"),
    "a changed manifest": (
        changed("manifest.json", lambda manifest: manifest + b" "), "manifest", "expected the manifest that"),
    "a changed signature": (
        changed(f"signatures/{OURS_NAME}.json", with_reversed_signature),
        "signature", "got one of something else"),
    "no signature": (
        without_signature, "signature", f"signed by {OURS_NAME} .*, got one that is unsigned"),
    "the signature of another version": (
        with_the_signature_of_another, "signature", "got one of something else; the manifest or the signature"),
    "another key": (
        republished(CARD, "consent", value="asked", key=THEIRS), "signature", f"got one signed by {THEIRS_NAME}"),
    "another key under our key's name": (
        signed_under_our_name, "signature", f"it holds the key {THEIRS_NAME}"),
    "another style's name": (
        under_another_name, "name", "expected a version of the style 'gold' at .*, got one of 'ink'"),
    "a history of something else": (
        out_of_history, "manifest", "expected a version that the style's history names"),
    "no licence": (
        republished(CARD, "licence", value=" "), "licence", "expected a licence in card.json, got none"),
    "a consent that nobody gave": (
        republished(CARD, "consent", value="public"), "consent", "got public .card.json. and own work .spec.json."),
    "another base": (
        republished(CARD, "base_sha256", value="b" * 64), "base", "expected the same of the base, got aaa.* bbb"),
    "scores of another CLIP": (
        republished(CARD, "scorer_sha256", value="6" * 64), "scorer", "expected the same of the scorer, got 555.* 666"),
    "weights of another card": (
        republished(CARD, "weights_sha256", value="0" * 64), "adapter", "expected the same of the adapter's weights"),
    "another reference": (
        republished(VERSION, "lineage", 0, "tuned_on_sha256", value=["0" * 64]), "references", "round 1"),
    "another parent": (
        republished(VERSION, "lineage", 1, "parent_sha256", value="2" * 64), "rounds", "the rounds' parents"),
    "a round left out": (
        republished(VERSION, "lineage", 1, "number", value=3), "rounds", r"got \[1, 3\] .* and \[1, 2\]"),
    "no rounds": (
        republished(VERSION, "lineage", value=[]), "rounds", r"got \[\] .* and \[1, 2\]"),
    "no record of what was kept": (
        republished(FEEDBACK), "decisions", "expected feedback/round-1.json in the version"),
    "other picks": (
        republished(FEEDBACK, "decision", "picks", value=[2]), "decisions", r"picks of round 1, got \[2\]"),
    "other candidates kept": (
        republished(FEEDBACK, "kept", value=[2]), "rounds", "expected the same of what round 2 was tuned on"),
    "an approval by nobody": (
        republished(FEEDBACK, "decision", "reviewer", value=" "), "decisions", "expected a person's approval"),
    "no word for the leak": (
        republished("word.json"), "decisions", "expected word.json in the version"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
def test_every_way_to_tamper_is_refused_in_words(store: Store, keys: pytest.MonkeyPatch, how: str) -> None:
    tamper, subject, words = TAMPERED[how]
    uri = publish(store, version_files())
    assert not refusals(uri)
    found = refusals(tamper(store, uri) or uri)
    assert re.search(words, found.get(subject, "")), found


def test_all_that_is_wrong_is_told_in_the_terminal(
    store: Store, keys: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = publish(store, version_files())
    without_signature(store, uri)
    Store(uri).remove("card.json")
    assert main(["verify", uri]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "REFUSED" in line] == [
        "signature", "files", "name", "licence", "consent", "base", "scorer", "adapter", "references", "rounds",
        "decisions",
    ]  # fmt: skip
    assert lines[-1].startswith(f"{uri}: refused for its signature, files, name")


# Trusted keys.


def test_with_trusted_keys_nothing_else_is_opened(store: Store, keys: pytest.MonkeyPatch) -> None:
    trusted = publish(store, version_files())
    keys.setenv(SIGNING_KEY, private_pem(THEIRS))
    strange = publish(store, {**version_files(), "word.json": b"{}"})
    keys.delenv(SIGNING_KEY)
    unsigned = publish(store, {**version_files(), "word.json": b"[]"})
    assert read_version(trusted).document.name == "ink"
    for uri, words in ((strange, f"signed by {THEIRS_NAME};"), (unsigned, "that is unsigned;")):
        for ask in (
            lambda uri=uri: read_version(uri),
            lambda uri=uri: read_document(uri),
            lambda uri=uri: check_version(uri),
            lambda uri=uri: roll_back(
                style_folder(store, "ink"), uri.rpartition("/")[2], by="Ada", reason="x"
            ),
        ):  # fmt: skip
            with pytest.raises(SignatureRefused, match=f"expected a version signed by {OURS_NAME} .* got one {words}"):
                ask()
    with pytest.raises(StoreCorrupted, match="expected a version of the style 'gold'"):
        read_version(under_another_name(store, trusted))
    keys.setenv(TRUSTED_KEYS, public_pem(OURS) + public_pem(THEIRS))
    assert read_version(strange).document.name == "ink"
    keys.delenv(TRUSTED_KEYS)
    assert read_version(unsigned).document.name == "ink"


def test_a_version_published_before_is_signed_later_and_by_a_new_key(
    store: Store, keys: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys.delenv(SIGNING_KEY)
    keys.delenv(TRUSTED_KEYS)
    uri = publish(store, version_files())
    assert next(iter(verify_version(uri)[1])).words == "unsigned"
    assert not refusals(uri)
    with pytest.raises(SpecError, match="expected a key to sign with in STYLEDROP_SIGNING_KEY, got none"):
        sign_version(uri)
    for key in (THEIRS, OURS, OURS):
        keys.setenv(SIGNING_KEY, private_pem(key))
        assert main(["sign", f"{store.uri}/styles/ink"]) == 0
        assert capsys.readouterr().out == f"{uri}: signed by {key_name(key.public_key())}\n"
    assert len(Store(uri).list("signatures")) == 2
    keys.setenv(TRUSTED_KEYS, public_pem(OURS))
    assert next(iter(verify_version(uri)[1])).words == f"by {OURS_NAME}, trusted"
    changed("references/0.png", flip)(store, uri)
    with pytest.raises(StoreCorrupted, match="expected a whole version at .* files: .*references/0.png has other"):
        sign_version(uri)


def test_what_is_not_there_or_was_taken_back_is_not_verified(store: Store, keys: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotInStore, match="expected a published adapter at"):
        verify_version(f"{store.uri}/styles/none")
    publish(store, version_files())
    withdraw(store, "ink", by="Ada", reason="the artist asked")
    with pytest.raises(StyleWithdrawn):
        verify_version(f"{store.uri}/styles/ink")


# The settings.
