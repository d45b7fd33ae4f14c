"""Which addresses a run on a worker may be given: only those that mean the same place on every machine."""

from collections.abc import Mapping

from prefect import runtime

from data.addresses import is_relative
from data.errors import SpecError
from styledrop.config.defaults import EMBEDDED


def refuse_relative_addresses(addresses: Mapping[str, str]) -> None:
    """In a run of a deployment, refuse addresses that depend on the worker's checkout or home.

    A run in a terminal may have them.

    Raises:
        SpecError: naming the fields, by which `addresses` are given.
    """
    if runtime.deployment.id is None:
        return
    relative = [f"{field} {address!r}" for field, address in addresses.items() if is_relative(address)]
    if relative:
        raise SpecError(
            f"expected addresses that mean one place on every worker (s3://…, or an absolute path), got "
            f"{', '.join(relative)}; a relative one would lie in the worker's own checkout"
        )


def addresses_of(store: str, base: str, scorer: str, references: Mapping[str, str]) -> dict[str, str]:
    """The addresses of a spec or a request by their fields; the embedded base and a base's own scorer have none."""
    of_models = {**({} if base == EMBEDDED else {"base": base}), **({"scorer": scorer} if scorer else {})}
    return {"store": store, **of_models, **references}
