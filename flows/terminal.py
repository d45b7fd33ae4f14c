"""A flow in a terminal, without a deployment."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import Flow

from data.errors import PipelineError


def run_document(flow: Flow[Any, Any], option: str, run: Callable[[Path], str]) -> int:
    """The command `styledrop-FLOW --OPTION FILE`: print where `run` put the result of the document in the file."""
    parser = argparse.ArgumentParser(prog=f"styledrop-{flow.name}", description=flow.description)
    parser.add_argument(
        f"--{option}", dest="file", type=Path, required=True, help="YAML or JSON; docs/reference.md has its fields"
    )
    file = parser.parse_args().file
    return run_in_terminal(lambda: run(file))


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
