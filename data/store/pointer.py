"""A style's pointer, `styles/NAME/current.json`: which version is current, how that came about, and the tombstone.

It moves by compare-and-swap, so of two who move it at once neither undoes the other's move unseen. Every move is kept.
"""

from collections.abc import Callable

from data.errors import ChangedInStore, NotInStore, StoreError, StyleWithdrawn
from data.parsing import parse_record
from data.records.version import Pointer
from data.store.files import Store

POINTER = "current.json"

_ATTEMPTS = 20


def style_folder(store: Store, name: str) -> Store:
    """The folder of the style `name`, with all its versions."""
    return Store(f"{store.uri}/styles/{name}")


def read_pointer(style: Store) -> Pointer | None:
    """The pointer of the style in the folder `style`; None if nothing was published there.

    Raises:
        StoreCorrupted: if it cannot be read.
        StoreError: if a later release wrote it.
    """
    return _read(style)[1]


def refuse_withdrawn(style: Store, pointer: Pointer | None) -> None:
    """Go no further with a style that was taken back; `pointer` is its pointer.

    Raises:
        StyleWithdrawn: with who, when and why.
    """
    if pointer is not None and pointer.withdrawn is not None:
        raise StyleWithdrawn(
            f"expected a style that may be used, but {style.uri} was {pointer.withdrawn.in_words}; "
            "take another style, or ask for consent and publish it under another name"
        )


def move_pointer(style: Store, change: Callable[[Pointer], Pointer]) -> Pointer:
    """Make the pointer what `change` makes of it, whoever moves it meanwhile; `change` may be called several times.

    A style without a pointer has one that names no version. If `change` changes nothing, nothing is written.

    Raises:
        StoreNotWritable: if the store refuses.
    """
    for _ in range(_ATTEMPTS):
        content, found = _read(style)
        pointer = found or Pointer(version=None, manifest_sha256=None)
        wanted = change(pointer)
        if wanted == found:
            return wanted
        try:
            style.swap(POINTER, content, wanted.model_dump_json(indent=2).encode() + b"\n")
        except ChangedInStore:
            continue
        return wanted
    raise StoreError(f"expected to move {style.uri}/{POINTER}, but it changed {_ATTEMPTS} times meanwhile; try again")


def _read(style: Store) -> tuple[bytes | None, Pointer | None]:
    try:
        content = style.read(POINTER)
    except NotInStore:
        return None, None
    return content, parse_record(content, Pointer, f"{style.uri}/{POINTER}", "put back a copy of it")
