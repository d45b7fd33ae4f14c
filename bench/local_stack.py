"""The stack of `make up` in a folder of its own, with a store that can be made to fail, for benches."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from bench.flapping import FlappingStore
from infra.processes import Started, marked
from infra.stack import MARK, Stack, is_a_run

PATIENCE_S = 900.0

_ENDPOINT = "AWS_ENDPOINT_URL_S3"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalStack:
    """A stack that runs."""

    folder: Path
    stack: Stack
    store: FlappingStore
    """What worker and runs take for the S3 server."""
    limit: int

    def server(self, part: str) -> psutil.Process | None:
        """The process of a part, if there is one at the moment."""
        keeper = Started.model_validate(self._state()["parts"][part]).find()
        children = keeper.children() if keeper else []
        return children[0] if children else None

    def runs(self) -> list[psutil.Process]:
        """The processes of flow runs."""
        return [process for process in marked(MARK, str(self._state()["mark"])) if is_a_run(process)]

    def up(self) -> None:
        """Start what does not run, as a person does who looks after it."""
        # Worker and runs inherit it, and to them it comes before the stack's own AWS_ENDPOINT_URL.
        os.environ[_ENDPOINT] = self.store.url
        try:
            self.stack.up(self.limit)
        finally:
            del os.environ[_ENDPOINT]

    def _state(self) -> dict[str, dict[str, object]]:
        return dict(json.loads((self.folder / "state.json").read_text()))


@contextmanager
def local_stack(folder: Path, limit: int) -> Iterator[LocalStack]:
    """Start it, let this process use it, its S3 server without the proxy, and end it; `limit` styles run at once."""
    stack = LocalStack(folder=folder, stack=Stack(folder), store=FlappingStore(), limit=limit)
    try:
        stack.up()
        environment = stack.stack.environment()
        os.environ.update(environment)
        stack.store.target_port = int(environment["AWS_ENDPOINT_URL"].rpartition(":")[2])
        yield stack
    finally:
        stack.stack.down()
        stack.store.close()


def patiently(ask: Callable[[], T]) -> T:
    """What the API answers, asked again while the server or its database is gone."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except httpx.HTTPError:
            if time.monotonic() > give_up:
                raise
            time.sleep(1)
