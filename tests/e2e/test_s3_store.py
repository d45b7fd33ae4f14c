"""The store on a real S3 server."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from data.errors import AlreadyInStore, ChangedInStore, NotInStore, StoreNotWritable
from data.store.files import Store

pytestmark = pytest.mark.e2e


def test_the_store_does_on_s3_what_it_does_on_files(s3_store: str) -> None:
    store = Store(s3_store)
    blob = store.write_new("a/b.txt", b"first")
    with pytest.raises(AlreadyInStore):
        store.write_new("a/b.txt", b"second")
    assert store.read_blob(blob) == b"first"
    assert store.write_same("a/b.txt", b"first") == blob
    store.swap("current.json", None, b"1")
    store.swap("current.json", b"1", b"2")
    for stale in (None, b"1"):
        with pytest.raises(ChangedInStore):
            store.swap("current.json", stale, b"3")
    assert Store(s3_store).read("current.json") == b"2"
    assert store.list() == ["a/b.txt", "current.json"]
    assert store.folders("") == ["a"]
    store.remove("a/b.txt")
    assert not store.exists("a/b.txt")
    with pytest.raises(NotInStore, match="s3://styles/.*missing"):
        store.read("missing")


def test_of_many_swaps_at_once_on_s3_none_is_lost(s3_store: str) -> None:
    Store(s3_store).write_new("count", b"0")

    def count_to_five(_: int) -> None:
        store = Store(s3_store)
        for _ in range(5):
            while True:
                found = store.read("count")
                with contextlib.suppress(ChangedInStore):
                    store.swap("count", found, b"%d" % (int(found) + 1))
                    break

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_to_five, range(4)))
    assert Store(s3_store).read("count") == b"20"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AWS_ACCESS_KEY_ID", "reader", "cannot write s3://styles/.*a.txt: .*Access Denied"),
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
