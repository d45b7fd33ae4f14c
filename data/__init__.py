"""What is stored and where: documents, records, the store, pictures, the corpus.

Importing it keeps calls to this machine away from a proxy that the environment names.
"""

import os

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def without_loopback(no_proxy: str) -> str:
    """The value of NO_PROXY with this machine's own names in it: Prefect and S3 often run beside us."""
    named = [name.strip() for name in no_proxy.split(",") if name.strip()]
    return ",".join([*named, *(name for name in LOOPBACK if name not in named)])


# Both spellings: of two that differ, the small letters win.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = without_loopback(
    os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
)
