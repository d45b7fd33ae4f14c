"""Publishing, the pointer's moves, and taking a style back."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from data.errors import (
    ChangedInStore,
    NotInStore,
    SpecError,
    StoreCorrupted,
    StoreError,
    StoreNotWritable,
    StyleWithdrawn,
)
from data.records.onboarding import PublishedAdapter
from data.store.files import Store
from data.store.pointer import read_pointer, style_folder
from data.store.publication import current_version, publish_version, roll_back, withdraw
from data.store.published_style import check_version
from tests.published_adapter import download_version

FILES = {"adapter.safetensors": b"weights", "card.json": b'{"name": "ink"}'}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/100%25 store" if request.param == "file" else f"memory://{tmp_path.name}")


def publish(store: Store, weights: str, day: int = 0) -> PublishedAdapter:
    """A version that differs in its weights, of a run started `day` days after the first."""
    files = {**FILES, "adapter.safetensors": weights.encode()}
    return publish_version(store, "ink", files, asked_at=FIRST + timedelta(days=day), by=f"run {weights}")


def history_of(store: Store) -> list[tuple[str, str]]:
    pointer = read_pointer(style_folder(store, "ink"))
    assert pointer is not None
    return [(move.action, move.version) for move in pointer.history]


def test_a_published_version_comes_back_whole(store: Store, tmp_path: Path) -> None:
    published = publish(store, "weights")
    assert current_version(store, "ink") == published
    for uri in (published.uri, f"{store.uri}/styles/ink"):
        download_version(uri, tmp_path / "copy")
        assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == FILES


def test_the_same_files_are_published_once(store: Store) -> None:
    first = publish(store, "a")
    before = store.list("styles")
    with patch.object(Store, "swap", side_effect=AssertionError("the pointer was written again")):
        assert publish(store, "a") == first
    assert store.list("styles") == before


@pytest.mark.parametrize(
    ("steps", "current", "actions"),
    [
        (["a0", "b1"], "b", ["published", "published"]),
        (["a0", "b1", "a0"], "b", ["published", "published"]),  # A's run is tried again
        (["b1", "a0"], "b", ["published", "published late"]),  # A's run waited for a reviewer
        (["b1", "a0", "c2"], "c", ["published", "published late", "published"]),
        (["a0", "b1", "back"], "a", ["published", "published", "rolled back"]),
        (["a0", "b1", "back", "b1", "c2"], "a", ["published", "published", "rolled back", "published late"]),
        (["b1", "a0", "to a"], "a", ["published", "published late", "rolled back"]),
        (["a0", "b1", "back", "back"], "b", ["published", "published", "rolled back", "rolled back"]),
    ],
)
def test_the_version_that_was_asked_for_last_is_current_and_history_tells_all(
    store: Store, steps: list[str], current: str, actions: list[str]
) -> None:
    versions: dict[str, str] = {}
    for step in steps:
        if step == "back":
            roll_back(style_folder(store, "ink"), None, by="Ada", reason="blurred")
        elif step == "to a":
            roll_back(style_folder(store, "ink"), versions["a"], by="Ada", reason="blurred")
        else:
            versions[step[0]] = publish(store, step[0], int(step[1])).version
    assert current_version(store, "ink").version == versions[current]
    assert [action for action, _ in history_of(store)] == actions


def test_a_run_started_after_a_rollback_counts_again(store: Store) -> None:
    for number, weights in enumerate("ab"):
        publish(store, weights, number)
    roll_back(style_folder(store, "ink"), None, by="Ada", reason="blurred")
    new = publish_version(store, "ink", FILES, asked_at=datetime.now(UTC), by="run c")
    assert current_version(store, "ink") == new


def test_a_rollback_says_who_and_why_and_only_to_a_whole_other_version(store: Store) -> None:
    first, second = publish(store, "a"), publish(store, "b", 1)
    style = style_folder(store, "ink")
    roll_back(style, first.version, by="Ada", reason="blurred")
    pointer = read_pointer(style)
    assert pointer is not None and (pointer.history[-1].by, pointer.history[-1].reason) == ("Ada", "blurred")
    with pytest.raises(SpecError, match=f"another version than the current one, {first.version}"):
        roll_back(style, first.version, by="Ada", reason="again")
    with pytest.raises(NotInStore, match="expected a published adapter at .*0000"):
        roll_back(style, "0000", by="Ada", reason="no such")
    store.swap(f"styles/ink/versions/{second.version}/adapter.safetensors", b"b", b"changed")
    with pytest.raises(StoreCorrupted, match="got other bytes"):
        roll_back(style, second.version, by="Ada", reason="damaged")
    assert current_version(store, "ink") == first
    with pytest.raises(NotInStore, match="expected a published style at .*styles/none"):
        roll_back(style_folder(store, "none"), None, by="Ada", reason="")


def test_who_moves_the_pointer_at_once_undoes_nobodys_move(store: Store) -> None:
    publish(store, "0")
    writers = [threading.Thread(target=publish, args=(store, str(number), number)) for number in range(1, 7)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {version for _, version in history_of(store)} == set(store.folders("styles/ink/versions"))
    assert len(history_of(store)) == 7
    download = style_folder(store, "ink").read(f"versions/{current_version(store, 'ink').version}/adapter.safetensors")
    assert download == b"6"


def test_a_pointer_that_never_stands_still_is_one_error(store: Store) -> None:
    publish(store, "a")
    with (
        patch.object(Store, "swap", side_effect=ChangedInStore("x")),
        pytest.raises(StoreError, match="changed 20 times"),
    ):
        publish(store, "b", 1)


def test_a_failure_half_way_leaves_the_current_version_and_can_be_repeated(store: Store) -> None:
    old = publish(store, "a")
    real_write = Store.write_same

    def fail_at_card(self: Store, key: str, content: bytes) -> object:
        if key.endswith("card.json"):
            raise StoreNotWritable("full")
        return real_write(self, key, content)

    with patch.object(Store, "write_same", fail_at_card), pytest.raises(StoreNotWritable):
        publish(store, "b", 1)
    assert current_version(store, "ink") == old
    assert current_version(store, "ink") != publish(store, "b", 1) == current_version(store, "ink")


def test_what_was_never_published_is_named(store: Store) -> None:
    with pytest.raises(NotInStore, match="expected a published adapter at .*styles/ink"):
        check_version(f"{store.uri}/styles/ink")
    for ask in (lambda: current_version(store, "ink"), lambda: withdraw(store, "ink", by="Ada", reason="x")):
        with pytest.raises(NotInStore):
            ask()


def test_changed_files_are_refused(store: Store) -> None:
    published = publish(store, "weights")
    folder = f"styles/ink/versions/{published.version}"
    store.swap(f"{folder}/adapter.safetensors", b"weights", b"other")
    with pytest.raises(StoreCorrupted, match=r"adapter\.safetensors, got other bytes"):
        check_version(published.uri)
    store.swap(f"{folder}/manifest.json", store.read(f"{folder}/manifest.json"), b'{"../../outside": "0"}')
    with pytest.raises(StoreCorrupted, match="expected the manifest of"):
        check_version(published.uri)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"{", StoreCorrupted, "expected a Pointer at .*current.json, got something else"),
        (b"[]", StoreCorrupted, "expected a Pointer"),
        (b"[" * 100_000, StoreCorrupted, "recursion limit exceeded"),
        (
            b'{"version": "../..", "manifest_sha256": "%s"}' % (b"a" * 64),
            StoreCorrupted,
            "version: String should match",
        ),
        (
            b'{"version": "%s", "manifest_sha256": "%s"}' % (b"a" * 16, b"a" * 64),
            StoreCorrupted,
            "expected the current version among those of its history",
        ),
        (b'{"layout": 9}', StoreError, "expected a Pointer of layout 2 at most .* got 9: .*update this one"),
    ],
)
def test_a_pointer_that_cannot_be_read_is_named(
    store: Store, content: bytes, error: type[StoreError], message: str
) -> None:
    store.write_new("styles/ink/current.json", content)
    with pytest.raises(error, match=message):
        current_version(store, "ink")


# Taking a style back.


@pytest.fixture
def withdrawn(store: Store) -> tuple[Store, list[PublishedAdapter]]:
    """A style with two versions and a run, beside another style, taken back."""
    versions = [publish(store, "a"), publish(store, "b", 1)]
    publish_version(store, "other", FILES, asked_at=FIRST, by="run")
    for name in ("ink", "other"):
        store.write_new(f"runs/{name}/round-1/adapter/x.safetensors", b"weights")
    withdraw(store, "ink", by="Ada", reason="the artist asked")
    return store, versions


def test_a_withdrawn_style_leaves_a_tombstone_and_no_weights(
    withdrawn: tuple[Store, list[PublishedAdapter]],
) -> None:
    store, versions = withdrawn
    left = [key for key in store.list() if key.endswith(".safetensors")]
    assert left == [
        "runs/other/round-1/adapter/x.safetensors",
        next(key for key in store.list("styles/other") if "adap" in key),
    ]
    pointer = read_pointer(style_folder(store, "ink"))
    assert pointer is not None and pointer.withdrawn is not None
    assert (pointer.withdrawn.by, pointer.withdrawn.reason) == ("Ada", "the artist asked")
    assert {removed.key for removed in pointer.withdrawn.removed} == {
        *(f"styles/ink/versions/{published.version}/adapter.safetensors" for published in versions),
        "runs/ink/round-1/adapter/x.safetensors",
    }
    assert len(history_of(store)) == 2
    words = r"styles/ink was withdrawn by Ada at \d{4}-.* UTC: the artist asked; take another style"
    for ask in (
        lambda: current_version(store, "ink"),
        lambda: check_version(f"{store.uri}/styles/ink"),
        lambda: check_version(versions[0].uri),
        lambda: publish(store, "a"),
        lambda: publish(store, "c", 9),
        lambda: roll_back(style_folder(store, "ink"), None, by="Eve", reason="x"),
    ):
        with pytest.raises(StyleWithdrawn, match=words):
            ask()
    assert [key for key in store.list() if key.endswith(".safetensors")] == left


def test_withdrawing_again_removes_what_came_since_and_keeps_the_first_tombstone(
    withdrawn: tuple[Store, list[PublishedAdapter]],
) -> None:
    store, _ = withdrawn
    store.write_new("runs/ink/round-2/adapter/z.safetensors", b"by a run that was under way")
    again = withdraw(store, "ink", by="Eve", reason="once more")
    assert (again.by, again.reason, len(again.removed)) == ("Ada", "the artist asked", 4)
    assert not store.exists("runs/ink/round-2/adapter/z.safetensors")


def test_what_is_published_while_a_style_is_withdrawn_leaves_no_weights(store: Store) -> None:
    publish(store, "a")
    real_write = Store.write_same

    def withdraw_meanwhile(self: Store, key: str, content: bytes) -> object:
        if key.endswith("manifest.json"):
            withdraw(store, "ink", by="Ada", reason="the artist asked")
            real_write(self, key.replace("manifest.json", "late.safetensors"), b"weights")
        return real_write(self, key, content)

    with patch.object(Store, "write_same", withdraw_meanwhile), pytest.raises(StyleWithdrawn):
        publish(store, "b", 1)
    assert not [key for key in store.list() if key.endswith(".safetensors")]
