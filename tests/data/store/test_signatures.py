"""Keys that versions are signed with, and those that are trusted."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from data.errors import KeyUnusable
from data.keys import SIGNING_KEY, TRUSTED_KEYS, signing_key, trusted_keys
from data.store.files import Store
from data.store.published_style import read_version
from tests.data.store.signed_version import OURS, THEIRS, private_pem, public_pem, publish, version_files


def test_keys_come_from_a_file_or_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (SIGNING_KEY, TRUSTED_KEYS):
        monkeypatch.setenv(variable, " ")
    assert signing_key() is None and trusted_keys() is None
    (tmp_path / "key.pem").write_text(private_pem(OURS))
    (tmp_path / "trusted.pem").write_text(public_pem(OURS) + "\n" + public_pem(THEIRS))
    for private, public in (
        (f"{tmp_path}/key.pem", f"{tmp_path}/trusted.pem"),
        (private_pem(OURS), public_pem(OURS) + public_pem(THEIRS)),
    ):
        monkeypatch.setenv(SIGNING_KEY, private)
        monkeypatch.setenv(TRUSTED_KEYS, public)
        key = signing_key()
        assert key is not None and key.private_bytes_raw() == OURS.private_bytes_raw()
        assert trusted_keys() == (OURS.public_key(), THEIRS.public_key())


CURVE = generate_private_key(SECP256R1())


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (SIGNING_KEY, "nowhere.pem", "SIGNING_KEY: expected PEM, or the path .* got 'nowhere.pem': No such file"),
        (SIGNING_KEY, "~nobody-here/key.pem", "SIGNING_KEY: expected PEM, or the path .* got '~nobody-here/key.pem'"),
        (SIGNING_KEY, private_pem(CURVE), "expected an Ed25519 private key"),
        (SIGNING_KEY, public_pem(OURS), "expected an Ed25519 private key"),
        pytest.param(SIGNING_KEY, private_pem(OURS)[:60], "expected an Ed25519 private key", id="half a key"),
        (TRUSTED_KEYS, "nowhere.pem", "TRUSTED_KEYS: expected PEM"),
        (TRUSTED_KEYS, public_pem(OURS) + public_pem(CURVE), "Ed25519 public keys .* got 1 of them among 2 parts"),
        (TRUSTED_KEYS, private_pem(OURS), "got 0 of them among 1 parts"),
        (TRUSTED_KEYS, "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----", "got 0 of them among 1 parts"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_used_stops_before_anything_is_written_or_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    store = Store(f"file://{tmp_path}/store")
    uri = publish(store, version_files())
    monkeypatch.setenv(variable, value)
    with pytest.raises(KeyUnusable, match=message) as refused:
        publish(store, version_files("gold"), "gold") if variable == SIGNING_KEY else read_version(uri)
    assert private_pem(OURS).splitlines()[1] not in str(refused.value)
    assert not store.list("styles/gold")
