"""The store on a real S3 server."""

import pytest

from data.errors import AlreadyInStore, NotInStore, StoreNotWritable
from data.store.files import Store

pytestmark = pytest.mark.e2e


def test_the_store_does_on_s3_what_it_does_on_files(s3_store: str) -> None:
    store = Store(s3_store)
    blob = store.write_new("a/b.txt", b"first")
    with pytest.raises(AlreadyInStore):
        store.write_new("a/b.txt", b"second")
    assert store.read_blob(blob) == b"first"
    assert store.write_same("a/b.txt", b"first") == blob
    store.replace("current.json", b"1")
    store.replace("current.json", b"2")
    assert Store(s3_store).read("current.json") == b"2"
    assert store.list() == ["a/b.txt", "current.json"]
    with pytest.raises(NotInStore, match="s3://styles/.*missing"):
        store.read("missing")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AWS_ACCESS_KEY_ID", "reader", "cannot write s3://styles/.*a.txt: Access Denied"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "cannot write s3://styles/.*a.txt: .*signature"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "cannot write s3://styles/.*a.txt: .*connect"),
    ],
)
def test_a_store_that_cannot_be_written_says_why(
    s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    from s3fs import S3FileSystem

    for known, right in s3_environment.items():
        monkeypatch.setenv(known, right)
    monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(StoreNotWritable, match=message):
            Store("s3://styles/unwritable").write_new("a.txt", b"")
    finally:
        S3FileSystem.clear_instance_cache()
