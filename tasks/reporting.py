"""What a run shows while it goes on: one line a stage, progress, and links to artifacts.

Lines go into the terminal and into the run's log in Prefect. A long task shows a line and a bar every few seconds at
most; its last line is the stage's, and goes into the log too.
"""

import logging
import sys
import time
from types import TracebackType
from typing import Self
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.settings import PREFECT_UI_URL

# Prefect's logger for code that is not its own: to the API, never to the terminal, which has the line already.
_run_log = logging.getLogger("prefect.extra.styledrop")

LINE_EVERY_S = 2.0

ARTIFACT_EVERY_S = 5.0


def log_stage(line: str) -> None:
    """Put `line` into the terminal and, in a run, into its log in Prefect."""
    print(line, file=sys.stderr, flush=True)
    if FlowRunContext.get() is not None or TaskRunContext.get() is not None:
        _run_log.info(line)


class Progress:
    """Counts towards a total.

    Cheap: between two lines an update is one look at the clock. Outside a Prefect run there are lines only.
    """

    def __init__(self, description: str, total: int, *, key: str | None = None) -> None:
        """Count to `total`; with a `key`, the bar is found by it among Prefect's artifacts, whatever the run."""
        self._description = description
        self._key = key
        self._total = total
        self._started = time.monotonic()
        self._last_line = self._last_artifact = self._started
        self._first: int | None = None
        self._note = ""
        self._artifact: UUID | None = None

    def __enter__(self) -> Self:
        if TaskRunContext.get() is not None:
            artifact = create_progress_artifact(progress=0.0, key=self._key, description=self._description)
            assert isinstance(artifact, UUID)  # a coroutine only if called from one
            self._artifact = artifact
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None and self._first is not None:
            self.update(self._total, is_last=True)

    def update(self, done: int, note: str = "", *, is_last: bool = False) -> None:
        """Say that `done` of the total are done; `note` is put behind the numbers."""
        now = time.monotonic()
        if self._first is None:  # a run that goes on from a checkpoint starts with some done
            self._first = min(done, self._total - 1)
        self._note = note or self._note
        if is_last:
            log_stage(self._line(done, now - self._started))
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            print(self._line(done, now - self._started), file=sys.stderr, flush=True)
        if self._artifact is not None and (is_last or now - self._last_artifact >= ARTIFACT_EVERY_S):
            self._last_artifact = now
            update_progress_artifact(self._artifact, progress=100 * done / self._total)

    def _line(self, done: int, elapsed_s: float) -> str:
        done_here = done - (self._first or 0)
        left = (
            f", {elapsed_s / done_here * (self._total - done):.0f} s left"
            if done_here > 0 and done < self._total
            else ""
        )
        note = f", {self._note}" if self._note else ""
        return f"{self._description}: {done}/{self._total} in {elapsed_s:.0f} s{left}{note}"


def artifact_link(words: str, key: str, uri: str = "") -> str:
    """A Markdown link to the artifact `key`; without a UI, the words and where the same lies in the store."""
    ui = PREFECT_UI_URL.value()
    if ui:
        return f"[{words}]({str(ui).rstrip('/')}/artifacts/key/{key})"
    return f"{words} ({uri})" if uri else words
