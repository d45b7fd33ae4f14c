"""What a run shows while it goes on: one line a stage, progress, and links to artifacts.

Lines go into the terminal and into the run's log in Prefect. A long task shows a line and a bar every few seconds at
most; its last line is the stage's, and goes into the log too.

Nothing that only reports can end work: whatever fails here is told once in the terminal, and the run goes on.
"""

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext, TaskRunContext
from prefect.settings import PREFECT_UI_URL

# Prefect's logger for code that is not its own: to the API, never to the terminal, which has the line already.
_run_log = logging.getLogger("prefect.extra.styledrop")

LINE_EVERY_S = 2.0

ARTIFACT_EVERY_S = 5.0

SILENT_S = 60.0
"""Until a bar is moved again after a try that failed; a try may itself take as long."""


def log_stage(line: str) -> None:
    """Put `line` into the terminal and, in a run, into its log in Prefect."""
    _print(line)
    if FlowRunContext.get() is not None or TaskRunContext.get() is not None:
        with only_reporting("the run's log"):
            _run_log.info(line)


def show_markdown(key: str, markdown: str, description: str) -> None:
    """Put `markdown` among the run's artifacts."""
    with only_reporting(f"the artifact {key}"):
        create_markdown_artifact(key=key, markdown=markdown, description=description)


def show_table(key: str, table: Sequence[Mapping[str, str]], description: str) -> None:
    """Put `table`, a row for each of its dicts, among the run's artifacts."""
    with only_reporting(f"the artifact {key}"):
        create_table_artifact(key=key, table=[dict(row) for row in table], description=description)


class Progress:
    """Counts towards a total.

    Cheap: between two lines an update is one look at the clock. Outside a Prefect run there are lines only.
    """

    def __init__(self, description: str, total: int, *, key: str | None = None) -> None:
        """Count to `total`. With a `key` the bar is a Prefect artifact of that key, the same one in every run."""
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
            with only_reporting(f"progress of {self._description}"):
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
            _print(self._line(done, now - self._started))
        if self._artifact is not None and (is_last or now - self._last_artifact >= ARTIFACT_EVERY_S):
            self._last_artifact = now + SILENT_S
            with only_reporting(f"progress of {self._description}"):
                update_progress_artifact(self._artifact, progress=100 * done / self._total)
                self._last_artifact = now

    def _line(self, done: int, elapsed_s: float) -> str:
        done_here = done - (self._first or 0)
        left = (
            f", {elapsed_s / done_here * (self._total - done):.0f} s left"
            if done_here > 0 and done < self._total
            else ""
        )
        note = f", {self._note}" if self._note else ""
        return f"{self._description}: {done}/{self._total} in {elapsed_s:.0f} s{left}{note}"


@contextmanager
def only_reporting(what: str) -> Iterator[None]:
    """Catch every error while `what` is shown: one line says so, and the run goes on."""
    try:
        yield
    except Exception as error:  # of Prefect, of its server, of the network
        _print(f"{what} cannot be shown ({type(error).__name__}: {str(error):.200}); the run goes on")


def _print(line: str) -> None:
    with suppress(OSError, ValueError):  # a terminal that was closed
        print(line, file=sys.stderr, flush=True)


def artifact_link(words: str, key: str, uri: str = "") -> str:
    """A Markdown link to the artifact `key`; without a UI, the words and where the same lies in the store."""
    ui = PREFECT_UI_URL.value()
    if ui:
        return f"[{words}]({str(ui).rstrip('/')}/artifacts/key/{key})"
    return f"{words} ({uri})" if uri else words
