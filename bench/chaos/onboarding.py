"""One onboarding in processes that can be killed, and what it has published.

The processes are forked from one that has imported all there is to import, and do from then on what
`styledrop-onboard-style --spec FILE` does: a start takes milliseconds, so that kills fall into the work.
"""

import importlib
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from data.store.files import Store
from data.store.pointer import read_pointer, style_folder
from data.store.published_style import check_version

STAGES = {
    "preparation": "",
    "round 1": "run ",
    "candidates": "tune round 1",
    "feedback": "candidates of round 1",
    "round 2": "kept ",
    "guidance": "tune round 2",
    "evaluation": r"λ_A \S+ of",
    "comparison": "evaluation of round 2",
    "super-resolution": "base: Text",
    "publication": "super-resolution: ",
    "end": "published: ",
}
"""Each stage, and how the line begins that ends the one before it: a pattern."""

OPENED = {"nonce": "0123456789abcdef", "started_at": "2026-01-01T00:00:00+00:00"}
"""What a run draws and notes when it is opened. Given to all, so that it cannot be what makes two versions differ."""


def processes() -> ForkServerContext:
    """Where onboardings are started from; the first one takes over this process's environment for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.onboard_style", "bench.tiny_base"])
    return context


@dataclass(kw_only=True)
class Onboarding:
    """The onboarding of one style."""

    context: ForkServerContext
    spec: dict[str, Any]
    logs: Path
    """Folder of its processes' output."""
    results: Path
    """Folder of Prefect's results."""
    environment: dict[str, str]
    """Of its processes, beside this one's."""
    starts: int = 0
    _process: ForkServerProcess | None = None
    _furthest: int = 0
    """Stage that the processes before this one came to, by its number."""
    _since: dict[str, float] = field(default_factory=dict)

    def open(self) -> None:
        """Open its run with `OPENED`."""
        self._start(_open_run, self._spec_file())
        assert self.wait(600) == 0, self.log()

    def start(self) -> None:
        """Start a process that onboards, or goes on."""
        self.passed_on()
        self._start(_onboard, self._spec_file(), self.results)

    def passed_on(self) -> None:
        """What comes now is the next process's."""
        self._furthest = max(self._furthest, self._stage_number()) if self.starts else 0
        self.starts += 1
        self._since = {}

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.join()

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def wait(self, timeout_s: float) -> int:
        """The process's exit status; one that takes longer is killed."""
        assert self._process is not None
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            self.kill()
        return self._process.exitcode or 0

    def wait_alive(self, seconds: float) -> None:
        """Let so many seconds pass, or fewer if the process ends."""
        assert self._process is not None
        self._process.join(seconds)

    def watch(self, until: Callable[[str], bool]) -> dict[str, float]:
        """Look on until a stage is reached or the process has ended; gives when each stage was first seen."""
        while self.is_alive():
            stage = self.stage()
            self._since.setdefault(stage, time.monotonic())
            if until(stage):
                break
            time.sleep(0.005)
        return self._since

    def stage(self) -> str:
        """What the process does now."""
        return list(STAGES)[self._stage_number()]

    def log(self) -> str:
        """What the process has said."""
        path = self._log_file()
        return path.read_text(errors="replace") if path.exists() else ""

    def _stage_number(self) -> int:
        seen = 0
        for line in self.log().splitlines():
            seen = next((n for n, start in enumerate(STAGES.values()) if start and _begins(line, start)), seen)
        names = list(STAGES)
        comparison = names.index("comparison")
        # What is finished is passed over without a line, the comparison alone is made again.
        if seen == names.index("round 1"):
            return max(seen, min(self._furthest, comparison))
        return max(seen, self._furthest) if seen > comparison else seen

    def _start(self, target: Callable[..., None], *arguments: Path) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        given = (self.environment, self._log_file(), target, arguments)
        self._process = self.context.Process(target=_in, args=given, daemon=True)  # it ends when we do
        self._process.start()

    def _spec_file(self) -> Path:
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / "spec.json"
        path.write_text(json.dumps(self.spec))
        return path

    def _log_file(self) -> Path:
        return self.logs / f"{self.starts}.log"


def published_files(store_uri: str, name: str) -> dict[str, bytes]:
    """The files of the one version that is published, without what two runs of the same spec may differ in.

    That is one number: how long a round took (`seconds` in the card), and so the card's digest in the manifest, and
    the manifest's in the version's name.

    Raises:
        AssertionError: if not exactly one version was published exactly once, whole.
    """
    style = style_folder(Store(store_uri), name)
    pointer = read_pointer(style)
    assert pointer is not None, f"nothing is published in {style.uri}"
    [move], [version] = pointer.history, style.folders("versions")
    assert move.version == pointer.version == version
    assert check_version(f"{style.uri}/versions/{version}") == pointer.manifest_sha256
    folder = Store(f"{style.uri}/versions/{version}")
    files = {key: folder.read(key) for key in folder.list()}
    card, manifest = (json.loads(files[name]) for name in ("card.json", "manifest.json"))
    for of_round in card["rounds"]:
        del of_round["seconds"]
    del manifest["card.json"]
    return {**files, "card.json": json.dumps(card).encode(), "manifest.json": json.dumps(manifest).encode()}


def _begins(line: str, start: str) -> bool:
    # A bar's line in between has fewer done than there are.
    done, is_bar, total = line.partition(" in ")[0].rpartition(": ")[2].partition("/")
    return re.match(start, line) is not None and (not is_bar or not done.isdigit() or done == total)


def _in(environment: dict[str, str], log: Path, target: Callable[..., None], arguments: tuple[Path, ...]) -> None:
    os.environ.update(environment)
    with open(log, "wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    target(*arguments)


def _onboard(spec: Path, results: Path) -> None:
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    sys.argv = ["styledrop-onboard-style", "--spec", str(spec)]
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: results}):
        sys.exit(importlib.import_module("flows.onboard_style").main())  # by name: a bench knows no flow


def _open_run(path: Path) -> None:
    from data.documents.spec import read_spec
    from data.documents.style_spec import StyleSpec
    from data.pictures.images import load_reference
    from tasks.onboarding.prepare import run_key

    spec = read_spec(path, StyleSpec)
    key = run_key(spec, [load_reference(one.uri, one.fit).sha256 for one in spec.references])
    for file, name in (("opened", "nonce"), (f"started/{key}", "started_at")):
        Store(spec.store).write_same(f"runs/{spec.name}/{file}.json", json.dumps({name: OPENED[name]}).encode())
