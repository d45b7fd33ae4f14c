"""Serve the review page until interrupted.

    styledrop-review                    on http://127.0.0.1:8420, for this machine
    styledrop-review --host 0.0.0.0     for holders of a link: styledrop-review-terminal link RUN --page URL

The address of the Prefect API comes from its settings (PREFECT_API_URL), the store's credentials from the
environment, as for the flows.
"""

import argparse
import ipaddress
import sys
from collections.abc import Sequence

import uvicorn

from data.errors import PipelineError
from review.links import secret_from_environment
from review.page import make_app


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; what cannot be done is one line and exit status 1."""
    parser = argparse.ArgumentParser(prog="styledrop-review", description="Serve the review page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; others than loopback need links")
    parser.add_argument("--port", type=int, default=8420)
    asked = parser.parse_args(arguments)
    try:
        app = make_app(None if _is_loopback(asked.host) else secret_from_environment())
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    print(f"review page at http://{host}:{asked.port}", file=sys.stderr)
    # Tokens stand in addresses: they are not logged.
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", access_log=False)
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
