"""A flow in a terminal, without a deployment."""

import logging
import sys
from collections.abc import Callable

from data.errors import PipelineError


def run_in_terminal(run: Callable[[], str]) -> int:
    """Print where `run` put its result; a mistake in what it was asked for is one line and exit status 1."""
    # The tasks' own lines say what goes on; Prefect's log still reaches its server.
    logging.getLogger("prefect").propagate = False
    try:
        print(run())
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
