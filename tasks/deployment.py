"""Which addresses a run on a worker may be given: only those that mean the same place on every machine."""

from collections.abc import Iterator

from prefect import runtime
from pydantic_core import to_jsonable_python

from data.addresses import is_relative
from data.errors import SpecError
from styledrop.config.defaults import EMBEDDED

ADDRESSES = frozenset({"base", "manifest_uri", "rebuilds", "scorer", "store", "style", "subject", "uri"})
"""Fields of documents, and parameters of flows, whose text is an address. No document has a bare list of addresses."""


def refuse_relative_addresses(document: object) -> None:
    """In a run of a deployment, refuse addresses that depend on the worker's checkout or home.

    A run in a terminal may have them. `document` is a spec, a request, or a flow's parameters by their names.

    Raises:
        SpecError: naming the fields.
    """
    if runtime.deployment.id is None:
        return
    addresses = _addresses(to_jsonable_python(document))
    relative = [f"{field} {address!r}" for field, address in addresses if is_relative(address)]
    if relative:
        raise SpecError(
            f"expected addresses that mean one place on every worker (s3://…, or an absolute path), got "
            f"{', '.join(relative)}; a relative one would lie in the worker's own checkout"
        )


def _addresses(document: object, within: str = "") -> Iterator[tuple[str, str]]:
    """All addresses in a document, by their fields; the embedded base and a field that is left empty have none."""
    if isinstance(document, dict):
        for field, value in document.items():
            if isinstance(value, str):
                if field in ADDRESSES and value and (field, value) != ("base", EMBEDDED):
                    yield f"{within}{field}", value
            else:
                yield from _addresses(value, f"{within}{field}.")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _addresses(value, f"{within}{number}.")
