import contextlib
import json
import os
import re
import resource
import stat
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from s3fs.errors import translate_boto_error

from data.addresses import read_file
from data.errors import (
    AddressError,
    AlreadyInStore,
    ChangedInStore,
    NotInStore,
    StoreCorrupted,
    StoreError,
    StoreNotWritable,
)
from data.records.record import Blob
from data.store.files import Store, read_blob


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/store" if request.param == "file" else f"memory://{tmp_path.name}")


def test_what_is_written_can_be_read_and_listed(store: Store) -> None:
    store.write_new("a/b.txt", b"one")
    store.write_new("a/c/d.txt", b"two")

    assert store.read("a/b.txt") == b"one"
    assert store.exists("a/c/d.txt")
    assert store.list("a") == ["a/b.txt", "a/c/d.txt"]
    assert store.list("nothing") == []


def test_write_new_leaves_what_is_there(store: Store) -> None:
    store.write_new("a.txt", b"first")
    with pytest.raises(AlreadyInStore, match=r"a\.txt"):
        store.write_new("a.txt", b"second")
    assert store.read("a.txt") == b"first"


def test_a_write_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/store")
    store.swap("current.json", None, b"first")
    written = store.write_new("there.bin", bytes(5000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for write in (store.write_new, lambda key, content: store.swap("current.json", b"first", content)):
            with pytest.raises(StoreNotWritable, match="make room there"):
                write("a.bin", bytes(5000))
        assert store.write_same("there.bin", bytes(5000)) == written, "what is there takes no room"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    left = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert [name for name in left if not name.endswith("lock")] == ["current.json", "there.bin"]
    assert store.read("current.json") == b"first"


def test_write_same_twice_is_writing_once_and_other_bytes_are_refused(store: Store) -> None:
    assert store.write_same("a.txt", b"first") == store.write_same("a.txt", b"first")
    with pytest.raises(StoreCorrupted, match="files in the store never change"):
        store.write_same("a.txt", b"second")
    assert store.read("a.txt") == b"first"


def _answered(code: str) -> Exception:
    answer = {"Error": {"Code": code, "Message": "no"}}
    error = translate_boto_error(ClientError(answer, "GetObject"))
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize(
    ("error", "is_expired"),
    [
        (_answered("ExpiredToken"), True),
        (_answered("ExpiredTokenException"), True),
        (_answered("RequestExpired"), True),
        (UnauthorizedSSOTokenError(), True),
        (TokenRetrievalError(provider="sso", error_msg="expired"), True),
        (_answered("AccessDenied"), False),
        (_answered("SlowDown"), False),
        (NoCredentialsError(), False),
        (EndpointConnectionError(endpoint_url="http://s3"), False),
    ],
)
def test_credentials_that_have_run_out_are_said_to_have_run_out(
    error: Exception, is_expired: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "the credentials have expired .* set new ones and start the same again: it goes on"
    broken = Mock()
    broken.cat_file.side_effect = broken.pipe_file.side_effect = broken.info.side_effect = error
    monkeypatch.setattr(store, "_filesystem", broken)
    monkeypatch.setattr(store, "_is_local", False)
    for action in (lambda: store.read("a"), lambda: store.write_new("a", b"")):
        with pytest.raises(StoreError) as caught:
            action()
        assert bool(re.search(words, str(caught.value))) == is_expired
    monkeypatch.setattr("data.addresses.open_filesystem", lambda _: (broken, "a"))
    with pytest.raises(AddressError) as caught_here:
        read_file("s3://a/b", "an image", 10)
    assert bool(re.search(words, str(caught_here.value))) == is_expired


def test_a_record_of_another_release_is_named(store: Store) -> None:
    store.write_new("r/older.json", b'{"uri": "a", "sha256": "b"}')
    store.write_new("r/newer.json", json.dumps({"uri": "a", "sha256": "0" * 64, "size_bytes": 1, "colour": 2}).encode())
    store.write_new("r/torn.json", b'{"uri')
    for name in ("older", "newer", "torn"):
        with pytest.raises(StoreCorrupted, match=f"expected a Blob at .*r/{name}.json, got .*another release"):
            store.read_record(f"r/{name}.json", Blob)


def test_a_swap_writes_only_over_what_was_expected(store: Store) -> None:
    store.swap("a/current.json", None, b"first")
    with pytest.raises(ChangedInStore, match="expected nothing at .*a/current.json"):
        store.swap("a/current.json", None, b"second")
    store.swap("a/current.json", b"first", b"second")
    with pytest.raises(ChangedInStore, match="somebody else has written there since"):
        store.swap("a/current.json", b"first", b"third")
    assert store.read("a/current.json") == b"second"
    assert store.list() == ["a/current.json"]


def test_of_many_swaps_at_once_none_is_lost(store: Store) -> None:
    store.write_new("count", b"0")

    def count_to_ten() -> None:
        for _ in range(10):
            while True:
                found = store.read("count")
                with contextlib.suppress(ChangedInStore):
                    store.swap("count", found, b"%d" % (int(found) + 1))
                    break

    counters = [threading.Thread(target=count_to_ten) for _ in range(4)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    assert store.read("count") == b"40"


def test_what_is_removed_is_gone_and_removing_twice_is_removing_once(store: Store) -> None:
    store.write_new("a/b.txt", b"one")
    store.remove("a/b.txt")
    store.remove("a/b.txt")
    assert not store.exists("a/b.txt")


def test_folders_are_those_directly_within(store: Store) -> None:
    for key in ("a/one/x/1", "a/two/2", "a/3"):
        store.write_new(key, b"")
    assert store.folders("a") == ["one", "two"]
    assert store.folders("nothing") == []


def test_blob_is_named_by_its_digest_and_checked_when_read(store: Store) -> None:
    blob = store.write_blob("images", ".png", b"pixels")
    assert blob.uri.endswith(f"images/{blob.sha256}.png")
    assert blob.size_bytes == 6
    assert store.read_blob(blob) == b"pixels"

    store.swap(f"images/{blob.sha256}.png", b"pixels", b"others")
    with pytest.raises(StoreCorrupted, match=blob.sha256[:12]):
        store.read_blob(blob)


def test_blob_of_another_store_is_refused(store: Store, tmp_path: Path) -> None:
    blob = Store(f"file://{tmp_path}/other").write_blob("images", ".png", b"pixels")
    with pytest.raises(StoreError, match=r"expected a file of the store .*got file://.*/other/images"):
        store.read_blob(blob)


def test_what_is_missing_is_named(store: Store) -> None:
    with pytest.raises(NotInStore, match=r"runs/missing\.json"):
        store.read("runs/missing.json")


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", ""])
def test_keys_cannot_leave_the_root(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="relative key"):
        store.write_new(key, b"")


def test_plain_path_is_a_file_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store("here").uri == f"file://{tmp_path}/here"


def test_unknown_scheme_says_what_was_expected() -> None:
    with pytest.raises(StoreError, match=r"expected a store at a path, file://… or s3://…, got 'nosuch://x'"):
        Store("nosuch://x")


def test_unwritable_folder_says_so_and_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a folder")
    with pytest.raises(StoreNotWritable, match="choose another store"):
        Store(f"file://{tmp_path}/file").write_new("a.txt", b"")
    assert os.listdir(tmp_path) == ["file"]


def test_of_many_writers_exactly_one_succeeds_and_nothing_is_left_half(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    written: list[int] = []

    def write(number: int) -> None:
        try:
            store.write_new("decision.json", bytes([number]) * 100_000)
            written.append(number)
        except AlreadyInStore:
            pass

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(written) == 1
    assert store.read("decision.json") == bytes(written) * 100_000
    assert os.listdir(tmp_path) == ["decision.json"]


def test_files_can_be_read_by_others_and_unfinished_ones_are_not_listed(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    store.write_new("a/b.txt", b"")
    (tmp_path / "a" / ".writing-killed").write_bytes(b"ha")
    assert stat.S_IMODE((tmp_path / "a" / "b.txt").stat().st_mode) == 0o644
    assert store.list("a") == ["a/b.txt"]


KEYS = st.lists(
    st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/"), min_size=1, max_size=20
    ),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(max_examples=60, deadline=None)
@given(key=KEYS, content=st.binary(max_size=10))
def test_a_key_is_one_place_whatever_characters_it_has(
    tmp_path_factory: pytest.TempPathFactory, key: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    for root in (f"{folder}/100% of it/%41", f"memory://{folder.name}"):
        store = Store(root)
        try:
            blob = store.write_new(key, content)
        except ValueError:
            parts = key.split("/")
            assert {".", ".."} & set(parts) or "::" in key or [part for part in parts if part != part.strip()]
            continue
        assert Store(store.uri).uri == store.uri
        assert store.list() == [key]
        assert store.read_blob(blob) == read_blob(blob) == Store(store.uri).read(key) == content


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "./a",
        "a/./b",
        "a/../b",
        "..",
        "a\0",
        "a\nb",
        "a\ud800",
        ".writing-x",
        "a/.writing-x",
    ],
)
def test_a_key_that_is_not_one_place_is_refused(store: Store, key: str) -> None:
    for action in (store.read, store.exists, lambda key: store.write_new(key, b"")):
        with pytest.raises(ValueError, match="expected a relative key"):
            action(key)


@pytest.mark.parametrize("root", ["", "s::x", "nosuch://x", "file://x", "a\0b", "C:\\store", "s3:bucket"])
def test_a_root_that_means_no_place_is_an_error_of_the_store(root: str) -> None:
    with pytest.raises(StoreError, match=r"expected a store at a path, file://… or s3://…"):
        Store(root)


def test_a_store_in_a_home_folder_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    blob = Store("~/my store").write_new("a.txt", b"one")
    assert (tmp_path / "my store" / "a.txt").read_bytes() == read_blob(blob) == b"one"
    assert read_file(f"file://{tmp_path}/my%20store/a.txt", "a file", 3) == b"one"
