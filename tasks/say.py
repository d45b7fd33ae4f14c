"""One line a stage, for whoever follows: in the terminal, and in the run's log."""

import logging
import sys

from prefect.context import FlowRunContext, TaskRunContext

# Prefect's logger for code that is not its own: to the API, never to the terminal, which has the line already.
_run_log = logging.getLogger("prefect.extra.styledrop")


def log_stage(line: str) -> None:
    """Put `line` into the terminal and, in a run, into its log in Prefect."""
    print(line, file=sys.stderr, flush=True)
    if FlowRunContext.get() is not None or TaskRunContext.get() is not None:
        _run_log.info(line)
