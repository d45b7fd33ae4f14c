"""Addresses that people write. Each means exactly one place, or is refused.

    ~/a.png  ~anna/a.png      expanded to the home folder
    a.png  ../a.png           from the folder of the document that names it, or else from the working directory
    /a.png                    as it is: nothing in a plain path is decoded
    file:///a%20b.png         decoded; only this machine's files
    s3://bucket/a.png         a scheme is written in small letters, `S3://` becomes so

Chains of filesystems (`simplecache::…`), Windows paths, unknown schemes, control characters and addresses with a
password in them are refused.

    STYLEDROP_ROOTS=s3://styles,/data    the places that may be opened, for reading or for writing; left out: all.
                                         Set it on workers that take specs from others.
"""

import os
import posixpath
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from data.errors import AddressError

ROOTS = "STYLEDROP_ROOTS"
"""Environment variable: the places, with commas between, that may be opened; unset, all may."""

SCHEMES = ("file", "s3", "gs", "abfs", "http", "https", "memory")

_EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
)
"""Codes of S3's answers and names of botocore's errors, of temporary credentials that have run out."""

_WITH_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)")
_WITHOUT_SLASHES = re.compile(rf"({'|'.join(SCHEMES)}):", re.IGNORECASE)
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories of control characters, halves of characters, and line and paragraph separators."""


def check_address(address: str) -> str:
    """The address without blanks around it, if it can mean one place on some machine.

    Raises:
        AddressError: if it cannot.
    """
    address = address.strip()
    if not address:
        raise AddressError("expected a path or an address, got an empty one; say where the file lies")
    _refuse_unseen(address)
    if "::" in address:
        raise AddressError(f"expected one filesystem, got a chain of them in {address!r}; name the file itself")
    if _OF_WINDOWS.match(address):
        raise AddressError(f"expected a path as /folder/file, got {address!r} of Windows; write it with '/'")
    found = _WITH_SCHEME.fullmatch(address)
    if found is None:
        if "://" in address:
            raise AddressError(f"expected a path or a scheme before '://', got {address!r}; write it anew")
        if _WITHOUT_SLASHES.match(address):
            raise AddressError(
                f"expected '://' after the scheme, got {address!r}; a file of that name is './{address}'"
            )
        return address
    scheme, rest = found[1].lower(), found[2]
    if scheme not in SCHEMES:
        raise AddressError(f"expected a path or one of {', '.join(SCHEMES)}://…, got {address!r}; copy the file there")
    if scheme == "file":
        _path_of_file_uri(rest)
    elif "@" in rest.partition("/")[0]:
        raise AddressError(
            f"expected no name or password in an address of {scheme}://, got one; set credentials in the environment"
        )
    elif not rest.strip("/"):
        raise AddressError(f"expected a place behind {scheme}://, got {address!r}; name bucket and key")
    elif {".", ".."} & set(rest.split("/")):
        raise AddressError(f"expected no '.' or '..' in {address!r}: there are no folders to go up; write out the key")
    return f"{scheme}://{rest}"


def absolute(address: str, folder: str = "") -> str:
    """The place that `address` means: an absolute path on this machine, or a URI of another filesystem.

    A relative address is taken from `folder`, a path or a URI, or else from the working directory.

    Raises:
        AddressError: if it means no place, or a home folder next to a document that lies elsewhere.
    """
    address = check_address(address)
    if address.startswith("file://"):
        return _path_of_file_uri(address.removeprefix("file://"))
    if "://" in address or address.startswith("/"):
        return address
    folder = absolute(folder) if folder else os.getcwd()
    if address.startswith("~"):
        if "://" in folder:
            raise AddressError(f"expected an address beside {folder}, got the home folder {address!r}; copy it there")
        home = os.path.expanduser(address)
        if home.startswith("~"):
            raise AddressError(f"expected a user's home folder, got {address!r}; a file of that name is './{address}'")
        return home
    if "://" not in folder:
        return str((Path(folder) / address).resolve())
    scheme, _, place = folder.partition("://")
    joined = posixpath.normpath(posixpath.join(place, address))
    if joined.split("/")[0] != place.split("/")[0]:
        raise AddressError(f"expected an address in {folder}, got {address!r}, which leaves it; write it out")
    return f"{scheme}://{joined}"


def folder_of(address: str) -> str:
    """The folder that the file at `address` lies in."""
    return absolute(address).rpartition("/")[0] or "/"


def is_relative(address: str) -> bool:
    """Whether the place depends on who asks: on a working directory or a home folder."""
    return "://" not in address and not address.startswith("/")


def refuse_outside_roots(place: str) -> None:
    """Go no further with a `place` (as `absolute` gives it) that lies in none of $STYLEDROP_ROOTS.

    Links on this machine are followed first.

    Raises:
        AddressError: if it lies in none.
    """
    given = os.environ.get(ROOTS, "").strip()
    roots = [absolute(root) for root in given.split(",") if root.strip()]
    if given and not any(_lies_in(place, root) for root in roots):
        raise AddressError(
            f"expected an address in one of {', '.join(roots) or 'none'}, all that {ROOTS} allows here, got "
            f"{place!r}; copy it there"
        )


def _lies_in(place: str, root: str) -> bool:
    if ("://" in place) != ("://" in root):
        return False
    if "://" not in place:
        place, root = os.path.realpath(place), os.path.realpath(root)
    return place == root or place.startswith(f"{root.rstrip('/')}/")


def open_filesystem(address: str) -> tuple[AbstractFileSystem, str]:
    """The filesystem of `address`, and the path in it.

    Raises:
        AddressError: if the address means no place, or one outside $STYLEDROP_ROOTS, or nothing here can open it.
    """
    place = absolute(address)
    refuse_outside_roots(place)
    if place.startswith("/"):
        return LocalFileSystem(), place
    try:
        # A cached listing would hide what another process has just written.
        filesystem, path = url_to_fs(place, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise AddressError(f"expected an address that can be opened here, got {address!r}: {error}") from error
    return filesystem, path


def read_file(address: str, what: str, max_bytes: int) -> bytes:
    """The bytes of the file at `address`, looked at in size before they are read; errors call it `what`.

    Raises:
        AddressError: if there is no such file, it is no plain file, too large or cannot be read.
    """
    filesystem, path = open_filesystem(address)
    try:
        found = filesystem.info(path)
        if found["type"] == "directory":
            raise AddressError(f"expected {what} at {address}, got a folder; name the file")
        if found["type"] != "file":
            raise AddressError(f"expected {what} at {address}, got a device or a pipe; name a file")
        content = b"" if (found["size"] or 0) > max_bytes else bytes(filesystem.cat_file(path, end=max_bytes + 1))
        size_bytes = max(found["size"] or 0, len(content))
    except FileNotFoundError as error:
        raise AddressError(f"expected {what} at {address}, got no such file; check the address") from error
    except AddressError:
        raise
    except Exception as error:  # every filesystem has errors of its own
        raise AddressError(f"expected {what} at {address}, but it cannot be read: {in_words(error)}") from error
    if size_bytes > max_bytes:
        raise AddressError(
            f"expected at most {max_bytes / 2**20:.0f} MB at {address}, got {size_bytes / 2**20:.1f} MB; "
            "save it smaller"
        )
    return content


def in_words(error: Exception) -> str:
    """What a filesystem said, and what to do if its credentials have run out."""
    words = f"{type(error).__name__}: {error}"
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    if code in _EXPIRED or type(error).__name__ in _EXPIRED:
        return f"the credentials have expired ({words}); set new ones and start the same again: it goes on"
    return words


def file_uri(path: str) -> str:
    """The `file://` URI that means the absolute `path`."""
    return f"file://{path.replace('%', '%25')}"


def has_unseen(text: str) -> bool:
    """Whether there is a character in it that no address or key may hold."""
    return any(unicodedata.category(character) in _UNSEEN for character in text)


def _path_of_file_uri(rest: str) -> str:
    host, slash, path = rest.partition("/")
    if not slash or host not in ("", "localhost"):
        raise AddressError(f"expected file:///path of this machine, got 'file://{rest}'; write three slashes")
    try:
        decoded = unquote(f"/{path}", errors="strict")
    except UnicodeDecodeError as error:
        raise AddressError(
            f"expected UTF-8 behind the '%' of 'file://{rest}', got other bytes; write it anew"
        ) from error
    _refuse_unseen(decoded)
    if decoded != decoded.strip() or "::" in decoded or "://" in decoded:  # no plain path can say so
        raise AddressError(f"expected a path without '::', '://' or blanks at its ends, got {decoded!r}; rename it")
    return decoded


def _refuse_unseen(address: str) -> None:
    if has_unseen(address):
        raise AddressError(f"expected a path or an address, got control characters in {address!r}; remove them")
