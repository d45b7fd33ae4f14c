"""The store: one root URI, reached through fsspec. `file://` and `s3://` do the same.

    runs/<name>/…                            what runs of a style have made so far
    styles/<name>/versions/<version>/…       what is published; written once, never changed
    styles/<name>/current.json               names the current version; the only file ever replaced

Every write is whole or not at all: on `file://` a temporary file is linked into place, on `s3://`
an object appears only when it is complete. A file that is replaced is replaced by compare-and-swap: under a lock on
`file://`, by a conditional write on `s3://`. Credentials and endpoint come from the environment, by
the names botocore knows: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL (or
AWS_ENDPOINT_URL_S3), AWS_DEFAULT_REGION.
"""

import errno
import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from data.addresses import file_uri, has_unseen, in_words, open_filesystem
from data.errors import (
    AddressError,
    AlreadyInStore,
    ChangedInStore,
    NotInStore,
    StoreCorrupted,
    StoreError,
    StoreNotWritable,
)
from data.parsing import Model, parse_record
from data.records.record import Blob

_UNFINISHED = "/.writing-"
"""Temporary files on `file://`, of which a killed writer leaves one behind, and the lock of a file that is replaced."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A disk, a quota or a limit on files."""

_IN_MEMORY = threading.Lock()
"""A store in memory belongs to one process."""


class Store:
    """Bytes by key under one root. Keys are relative POSIX paths."""

    def __init__(self, root_uri: str) -> None:
        """Open the store at `root_uri`; a plain path is taken as `file://` from the working directory.

        Nothing is read or written yet.

        Raises:
            StoreError: if the URI means no place (`data.addresses`), or nothing here can open it.
        """
        try:
            filesystem, root = open_filesystem(root_uri)
        except AddressError as error:
            raise StoreError(f"expected a store at a path, file://… or s3://…, got {root_uri!r}: {error}") from error
        self._filesystem: fsspec.AbstractFileSystem = filesystem
        self._root: str = root.rstrip("/")
        self._is_local = isinstance(filesystem, LocalFileSystem)
        self.uri: str = file_uri(self._root) if self._is_local else filesystem.unstrip_protocol(self._root)

    def uri_of(self, key: str) -> str:
        """The address that means what lies, or will lie, at `key`, wherever it is read."""
        return f"{self.uri}/{key.replace('%', '%25') if self._is_local else key}"

    def read(self, key: str) -> bytes:
        """The bytes at `key`.

        Raises:
            NotInStore: if nothing lies there.
        """
        with self._in_words("read", key):
            return bytes(self._filesystem.cat_file(self._path(key)))

    def read_record(self, key: str, kind: type[Model]) -> Model:
        """What lies at `key`, as a record.

        Raises:
            NotInStore: if nothing lies there.
            StoreCorrupted: if it cannot be read as a `kind`: it is damaged, or of another release.
        """
        return parse_record(self.read(key), kind, f"{self.uri}/{key}")

    def exists(self, key: str) -> bool:
        """Whether something lies at `key`."""
        with self._in_words("look up", key):
            return bool(self._filesystem.exists(self._path(key)))

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders directly in `prefix` (in the root if empty), sorted; none if it is not there."""
        with self._in_words("list", prefix):
            try:
                found = self._filesystem.ls(self._path(prefix) if prefix else self._root, detail=True)
            except FileNotFoundError:
                return []
        return sorted(entry["name"].rstrip("/").rpartition("/")[2] for entry in found if entry["type"] == "directory")

    def list(self, prefix: str = "") -> list[str]:
        """All keys under the folder `prefix` (of the whole store if empty), sorted; none if there is no such folder."""
        with self._in_words("list", prefix):
            try:
                paths = self._filesystem.find(self._path(prefix) if prefix else self._root)
            except FileNotFoundError:
                return []
        keys = (str(path)[len(self._root) + 1 :] for path in paths)
        return sorted(key for key in keys if _UNFINISHED not in f"/{key}")

    def write_new(self, key: str, content: bytes) -> Blob:
        """Write `content` at a `key` where nothing lies yet; of two writers exactly one succeeds.

        Raises:
            AlreadyInStore: if something lies there; it is left as it is.
            StoreNotWritable: if the store refuses.
        """
        with self._in_words("write", key):
            if self._is_local:
                _write_new_file(Path(self._path(key)), content)
            else:
                self._create_object(self._path(key), content)
        return self._blob(key, content)

    def write_same(self, key: str, content: bytes) -> Blob:
        """Write `content` at `key`, or find it there already: writing twice is writing once.

        Raises:
            StoreCorrupted: if something else lies there; it is left as it is.
            StoreNotWritable: if the store refuses.
        """
        try:
            return self.write_new(key, content)
        except AlreadyInStore:
            found = self.read(key)
            if found != content:
                raise StoreCorrupted(
                    f"expected {_sha256(content)[:12]} at {self.uri}/{key}, got {_sha256(found)[:12]}; "
                    "files in the store never change: find out who wrote it, and move it away"
                ) from None
            return self._blob(key, content)

    def swap(self, key: str, expected: bytes | None, content: bytes) -> None:
        """Write `content` at `key` if `expected` lies there (None: nothing); of two writers exactly one succeeds.

        A reader sees the old or the new, never a mixture.

        Raises:
            ChangedInStore: if something else lies there; it is left as it is.
            StoreNotWritable: if the store refuses.
        """
        if expected is None:
            try:
                self.write_new(key, content)
            except AlreadyInStore as error:
                raise ChangedInStore(f"expected nothing at {self.uri}/{key} yet, but something lies there") from error
            return
        with self._in_words("write", key):
            if self._is_local:
                is_swapped = _swap_file(Path(self._path(key)), expected, content)
            elif "s3" in self._filesystem.protocol:
                is_swapped = self._swap_object(self._path(key), expected, content)
            else:
                with _IN_MEMORY:
                    is_swapped = self._filesystem.cat_file(self._path(key)) == expected
                    if is_swapped:
                        self._filesystem.pipe_file(self._path(key), content)
        if not is_swapped:
            raise ChangedInStore(
                f"expected {_sha256(expected)[:12]} at {self.uri}/{key}, but somebody else has written there since; "
                "read it again and decide anew"
            )

    def remove(self, key: str) -> None:
        """Remove what lies at `key`; nothing happens if nothing does.

        Raises:
            StoreNotWritable: if the store refuses.
        """
        with self._in_words("write", key):
            if self._filesystem.exists(self._path(key)):
                self._filesystem.rm_file(self._path(key))

    def write_blob(self, folder: str, suffix: str, content: bytes) -> Blob:
        """Write `content` under its own digest: `folder/<sha256><suffix>`."""
        return self.write_same(f"{folder}/{_sha256(content)}{suffix}", content)

    def read_blob(self, blob: Blob) -> bytes:
        """The bytes of `blob`, checked against its digest.

        Raises:
            StoreError: if it belongs to another store.
            NotInStore: if it is gone.
            StoreCorrupted: if the bytes have changed.
        """
        if not blob.uri.startswith(f"{self.uri}/"):
            raise StoreError(f"expected a file of the store {self.uri}, got {blob.uri}; open that store instead")
        key = blob.uri[len(self.uri) + 1 :]
        content = self.read(key.replace("%25", "%") if self._is_local else key)
        if _sha256(content) != blob.sha256:
            raise StoreCorrupted(
                f"expected {blob.sha256[:12]} at {blob.uri}, got {_sha256(content)[:12]}; "
                "the file was changed or damaged: remove it and run again"
            )
        return content

    def _create_object(self, path: str, content: bytes) -> None:
        try:
            self._filesystem.pipe_file(path, content, mode="create")
        except OSError as error:
            # s3fs understands AWS's answer to `If-None-Match: *`; other servers leave out a field of it.
            if _is_refused_condition(error):
                raise FileExistsError(path) from error
            raise

    def _swap_object(self, path: str, expected: bytes, content: bytes) -> bool:
        # The tag is read before the content: what changes between the two, or later, has another tag.
        tag = self._filesystem.info(path, refresh=True)["ETag"]
        if self._filesystem.cat_file(path) != expected:
            return False
        try:
            self._filesystem.pipe_file(path, content, IfMatch=tag)
        except OSError as error:
            if _is_refused_condition(error):
                return False
            raise
        return True

    def _blob(self, key: str, content: bytes) -> Blob:
        return Blob(uri=self.uri_of(key), sha256=_sha256(content), size_bytes=len(content))

    def _path(self, key: str) -> str:
        parts = PurePosixPath(key).parts
        is_plain = parts and "/".join(parts) == key and not {".", ".."} & set(parts) and not key.startswith("/")
        is_address = "::" not in key and not has_unseen(key) and all(part == part.strip() for part in parts)
        if not is_plain or not is_address or _UNFINISHED in f"/{key}":
            raise ValueError(f"expected a relative key without '..', '//', '::' or odd blanks, got {key!r}")
        return f"{self._root}/{key}"

    @contextmanager
    def _in_words(self, action: str, key: str) -> Iterator[None]:
        where = f"{self.uri}/{key}"
        writing = action == "write"
        try:
            yield
        except FileExistsError as error:
            raise AlreadyInStore(f"expected nothing at {where} yet, but something lies there; it stays") from error
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if writing and isinstance(error, NotADirectoryError):
                raise StoreNotWritable(f"cannot write {where}: {error}; choose another store") from error
            if writing:
                raise StoreNotWritable(f"cannot write {where}: {error}; is there such a bucket?") from error
            raise NotInStore(f"expected a file at {where}, got none; check the address") from error
        except PermissionError as error:
            if writing:
                raise StoreNotWritable(
                    f"cannot write {where}: {in_words(error)}; choose another store, or get the right to write there"
                ) from error
            raise StoreError(f"cannot {action} {where}: {in_words(error)}; check the credentials") from error
        except ValueError:
            raise  # a bad key: our own mistake
        except Exception as error:  # every filesystem has errors of its own (botocore's are no OSError)
            is_full = isinstance(error, OSError) and error.errno in _FULL
            advice = "make room there" if is_full else "check address, network and credentials"
            raise (StoreNotWritable if writing else StoreError)(
                f"cannot {action} {where}: {in_words(error)}; {advice}"
            ) from error


def read_blob(blob: Blob) -> bytes:
    """The bytes of `blob`, in whichever store it lies; raises what `Store.read_blob` does."""
    return Store(blob.uri.rpartition("/")[0]).read_blob(blob)


def blob_exists(blob: Blob) -> bool:
    """Whether something lies where `blob` was written; raises what `Store.exists` does."""
    folder, _, name = blob.uri.rpartition("/")
    return Store(folder).exists(name)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _temporary_file(path: Path, content: bytes) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(str(error)) from error
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED[1:])
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(temporary)  # on a full disk, what each attempt left would take the room that is made for the next
        raise
    os.chmod(temporary, 0o644)
    return temporary


def _swap_file(path: Path, expected: bytes, content: bytes) -> bool:
    # A lock file of its own, and one that stays: who waits for a lock holds on to the file, not to its name.
    with open(f"{path.parent}{_UNFINISHED}lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.read_bytes() != expected:
            return False
        os.replace(_temporary_file(path, content), path)
        return True


def _is_refused_condition(error: OSError) -> bool:
    answer = getattr(error.__cause__, "response", {}).get("Error", {})
    return answer.get("Code") in ("PreconditionFailed", "ConditionalRequestConflict")


def _write_new_file(path: Path, content: bytes) -> None:
    if path.exists():  # no room is taken for what is there: a full disk can be published to again
        raise FileExistsError(path)
    temporary = _temporary_file(path, content)
    try:
        os.link(temporary, path)  # unlike a rename, refuses if `path` exists
    finally:
        os.unlink(temporary)
