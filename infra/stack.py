"""The local stack, started and stopped together: PostgreSQL, SeaweedFS (S3), Prefect server, process worker.

    styledrop-stack [--folder FOLDER] up [--limit N] | down | status | env

Everything lies in FOLDER (default: .stack): data, logs, and state.json with addresses and process ids. Data
survives `down`. `up` starts what is missing; `down` ends what `up` started and nothing else.
"""

import argparse
import fcntl
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from pydantic import BaseModel, Field

from infra import deployments
from infra.parts import BUCKET, GRPC_ABOVE, QUIET, Part, S3User, postgres, prefect_server, process_worker, seaweedfs
from infra.processes import Started, end, free_port, marked, wait_until

REPOSITORY = Path(__file__).resolve().parents[1]
MARK = "STYLEDROP_STACK"
"""In the environment of everything the stack starts, and of what the worker starts: how `down` knows it again."""

START_TIMEOUT_S = 600.0  # for a busy machine; a part that cannot start gives up at once
END_TIMEOUT_S = 20.0


S3_KEY = "dev"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENT_WITH_STORE = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "7"}
"""Runs ask a store that refuses or fails again for about half a minute, as when it is started anew: botocore's own
patience, a few seconds, would cost a style its run. Who waits for an answer, as a reviewer's page, keeps the latter."""
PORTS = {"postgres": ("postgres",), "seaweedfs": ("s3", "master", "volume", "filer"), "server": ("ui",)}


class StackError(Exception):
    """The stack, or a part of it, did not come."""


class _State(BaseModel):
    """What `down` and the next `up` must know."""

    mark: str = Field(default_factory=lambda: secrets.token_hex(16))
    database_password: str = Field(default_factory=lambda: secrets.token_urlsafe(24))
    s3_secret: str = Field(default_factory=lambda: secrets.token_urlsafe(24))
    ports: dict[str, int] = {}
    parts: dict[str, Started] = {}
    """In the order they were started."""


class Stack:
    """The stack whose data lies in a folder."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started or written yet."""
        self._folder = folder.resolve()

    def up(self, limit: int) -> None:
        """Start what does not run, wait until all of it is healthy, and register the deployments.

        Args:
            limit: how many runs of the queue that tunes and samples may run at once.

        Raises:
            StackError: if a part does not come; what this call started is ended again.
        """
        with self._locked():
            state = self._read()
            before = {name for name, started in state.parts.items() if started.find()}
            try:
                for part in self._parts(state):
                    if part.name == "worker":
                        self._crash_gone_runs(state, is_worker_up="worker" in before)
                    if part.name not in before:
                        part.make_ready()
                        state.parts[part.name] = self._start(part, state)
                        self._write(state)
                    self._wait(part, state.parts[part.name])
                self._register(state, limit)
            except BaseException:
                self._end(state, [name for name in state.parts if name not in before])
                raise

    def down(self) -> list[str]:
        """End every part, and every run the worker has started; gives what was ended."""
        with self._locked():
            state = self._read()
            return self._end(state, list(state.parts))

    def status(self) -> dict[str, str]:
        """What each part does now: "healthy", "started" (but not healthy) or "down"; changes nothing."""
        state = self._read()
        if not state.ports:
            return {}
        status = {}
        for part in self._parts(state):
            is_up = part.name in state.parts and state.parts[part.name].find() is not None
            status[part.name] = "down" if not is_up else "healthy" if part.is_healthy() else "started"
        return status

    def environment(self) -> dict[str, str]:
        """What a process needs to use the stack.

        Raises:
            StackError: if it was never started.
        """
        state = self._read()
        if not state.ports:
            raise StackError(f"expected a stack in {self._folder}, got none; start it: make up")
        return _user_environment(state)

    def _parts(self, state: _State) -> list[Part]:
        running = {name for name, started in state.parts.items() if started.find()}
        for part, names in PORTS.items():
            if part not in running:
                # Those of last time, if nobody has taken them since.
                state.ports.update({name: free_port(state.ports.get(name, 0), and_above=GRPC_ABOVE) for name in names})
        ports = state.ports
        prefect = self._prefect_environment(state)
        database = f"postgresql+asyncpg://postgres:{state.database_password}@127.0.0.1:{ports['postgres']}/postgres"
        return [
            postgres(self._folder / "postgres", ports["postgres"], state.database_password),
            seaweedfs(self._folder / "seaweedfs", ports, [S3User(key=S3_KEY, secret=state.s3_secret)]),
            prefect_server(
                prefect["PREFECT_API_URL"],
                {
                    **prefect,
                    "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
                    # Runs keep the cores of this machine busy: five and ten seconds were not always enough.
                    "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",
                    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
                },
            ),
            process_worker(
                deployments.POOL,
                {
                    **prefect,
                    "PREFECT_WORKER_QUERY_SECONDS": "2",
                    "STYLEDROP_WORK": str(self._folder / "work"),
                    "HF_HUB_OFFLINE": "1",
                    **PATIENT_WITH_STORE,
                },
                lambda: deployments.is_worker_online(prefect["PREFECT_API_URL"]),
            ),
        ]

    def _prefect_environment(self, state: _State) -> dict[str, str]:
        return {**_user_environment(state), **QUIET, "PREFECT_HOME": str(self._folder / "prefect")}

    def _crash_gone_runs(self, state: _State, *, is_worker_up: bool) -> None:
        api_url = self._prefect_environment(state)["PREFECT_API_URL"]
        alive = {process.pid for process in marked(MARK, state.mark)}
        try:
            for gone in deployments.crash_gone_runs(api_url, alive, is_worker_up=is_worker_up):
                print(f"a run's process is gone: {gone}", file=sys.stderr)
        except httpx.HTTPError as error:
            raise StackError(f"the runs whose process is gone cannot be found: {error}") from error

    def _register(self, state: _State, limit: int) -> None:
        environment = self._prefect_environment(state)
        try:
            deployments.set_limits(environment["PREFECT_API_URL"], limit)
            deployments.deploy_all(REPOSITORY, environment)
        except httpx.HTTPError as error:
            raise StackError(f"the limits of the queues cannot be set: {error}") from error
        except subprocess.CalledProcessError as error:
            raise StackError(f"the deployments of prefect.yaml cannot be registered:\n{error.stdout}") from None

    def _start(self, part: Part, state: _State) -> Started:
        user = ["--user", part.user] if part.user else []
        with open(self._log(part.name), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "infra.keep", *user, "--", *part.command],
                env={**os.environ, **part.environment, MARK: state.mark},
                cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # it outlives this terminal
            )  # fmt: skip
        return Started(pid=process.pid, created=psutil.Process(process.pid).create_time())

    def _wait(self, part: Part, started: Started) -> None:
        def has_come() -> bool:
            if started.find() is None:
                raise StackError(f"{part.name} did not start; its log ends with:\n{self._end_of_log(part.name)}")
            return part.is_usable() and part.is_healthy()

        try:
            wait_until(has_come, START_TIMEOUT_S, f"{part.name} is healthy")
        except TimeoutError as error:
            raise StackError(f"{error}; its log ends with:\n{self._end_of_log(part.name)}") from None

    def _end(self, state: _State, names: list[str]) -> list[str]:
        ended = []
        for name in reversed(names):
            keeper = state.parts[name].find()
            if name == "worker":
                # Asked while the server still is there, runs say themselves that they were ended.
                runs = [process for process in marked(MARK, state.mark) if is_a_run(process)]
                end([*([keeper] if keeper else []), *runs], END_TIMEOUT_S)
                ended += [f"run, process {process.pid}" for process in runs]
            elif keeper:
                end([keeper], END_TIMEOUT_S)
            if keeper:
                ended.append(f"{name}, process {keeper.pid}")
            del state.parts[name]
            self._write(state)
        return ended

    def _log(self, name: str) -> Path:
        folder = self._folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    def _end_of_log(self, name: str) -> str:
        return "\n".join(self._log(name).read_text(errors="replace").splitlines()[-20:])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> _State:
        path = self._folder / "state.json"
        return _State.model_validate_json(path.read_text()) if path.exists() else _State()

    def _write(self, state: _State) -> None:
        path = self._folder / "state.json.new"
        path.touch(mode=0o600)  # it holds the passwords
        path.write_text(state.model_dump_json(indent=2))
        path.rename(self._folder / "state.json")


def _user_environment(state: _State) -> dict[str, str]:
    url = f"http://127.0.0.1:{state.ports['ui']}"
    # Everything listens on this machine; of two spellings that differ, programs take the small letters.
    no_proxy = ",".join([*filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY")]), *LOOPBACK])
    return {
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_UI_URL": url,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{state.ports['s3']}",
        "AWS_ACCESS_KEY_ID": S3_KEY,
        "AWS_SECRET_ACCESS_KEY": state.s3_secret,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def is_a_run(process: psutil.Process) -> bool:
    """Whether a process of the stack is a flow run, not one of its servers or their keepers."""
    # The worker starts every run in a session of its own; each keeper leads one, too.
    try:
        command = process.cmdline()
        return os.getsid(process.pid) == process.pid and "infra.keep" not in command
    except (psutil.Error, ProcessLookupError):
        return False


def main() -> int:
    """Do what the command line says; a part that does not come is a few lines and exit status 1."""
    parser = argparse.ArgumentParser(prog="styledrop-stack", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=REPOSITORY / ".stack", help="data, logs and state")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what does not run")
    up.add_argument("--limit", type=int, default=1, help="runs that tune or sample at once; one for each accelerator")
    commands.add_parser("down", help="end everything that up started")
    commands.add_parser("status", help="what runs; exit status 1 if a part does not")
    commands.add_parser("env", help='print what a shell needs: eval "$(styledrop-stack env)"')
    arguments = parser.parse_args()
    stack = Stack(arguments.folder)
    started = time.monotonic()
    try:
        match arguments.command:
            case "up":
                stack.up(arguments.limit)
                print(_welcome(stack, time.monotonic() - started))
            case "down":
                print("\n".join(f"ended: {what}" for what in stack.down()) or "nothing was running")
            case "status":
                status = stack.status()
                print("\n".join(f"{name:10} {what}" for name, what in status.items()) or "down")
                return 0 if status and set(status.values()) == {"healthy"} else 1
            case "env":
                print("\n".join(f"export {name}='{value}'" for name, value in stack.environment().items()))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _welcome(stack: Stack, seconds: float) -> str:
    environment = stack.environment()
    return (
        f"up after {seconds:.0f} s\n"
        f"  Prefect UI   {environment['PREFECT_UI_URL']}\n"
        f"  S3           {environment['AWS_ENDPOINT_URL']}, bucket s3://{BUCKET}\n"
        '  a shell      eval "$(styledrop-stack env)"\n'
        "  a run        prefect deployment run onboard-style/default --params - < spec.json\n"
        "See docs/operations.md."
    )


if __name__ == "__main__":
    sys.exit(main())
