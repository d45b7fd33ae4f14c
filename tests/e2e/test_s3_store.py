"""The store on a real S3 server."""

import pytest

from data.errors import AlreadyInStore, NotInStore, StoreError, StoreNotWritable
from data.store import Store

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


def test_a_store_that_cannot_be_written_says_why(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreNotWritable, match=r"cannot write s3://no-such-bucket/a\.txt: .*bucket"):
        Store("s3://no-such-bucket").write_new("a.txt", b"")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    # Another root, since fsspec keeps one client for each set of arguments, not of environment variables.
    with pytest.raises(StoreError, match="cannot write s3://styles/"):
        Store(s3_store + "-wrong").write_new("a.txt", b"")
