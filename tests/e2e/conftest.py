"""Real servers for whole runs: S3 (SeaweedFS) and a Prefect worker."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.parts import GRPC_ABOVE, S3User, seaweedfs
from tests.processes import end, free_port, wait_until

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A SeaweedFS server with one bucket, "styles", as the environment of processes that use it."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    users = [S3User(key="dev", secret="secret"), S3User(key="reader", secret="secret", actions=("Read", "List"))]
    ports = {name: free_port(and_above=GRPC_ABOVE) for name in ("s3", "master", "volume", "filer")}
    part = seaweedfs(folder, ports, users)
    part.make_ready()
    with open(folder / "weed.log", "wb") as log:
        server = subprocess.Popen(part.command, stdout=log, stderr=log, cwd=folder)

        def is_healthy() -> bool:
            if server.poll() is not None:
                raise RuntimeError(f"SeaweedFS ended with {server.returncode}")
            return part.is_usable() and part.is_healthy()

        try:
            wait_until(is_healthy, 300, "SeaweedFS takes objects")
            yield {
                "AWS_ACCESS_KEY_ID": "dev",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}",
            }
        finally:
            end(server)


@pytest.fixture
def s3_store(
    s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URI of an empty store on S3; this process has the credentials."""
    from s3fs import S3FileSystem

    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # clients are kept by their arguments, whatever the environment says
    yield f"s3://styles/{request.node.name}"
    S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="session")
def worker_pool(prefect_environment: dict[str, str], s3_environment: dict[str, str]) -> Iterator[str]:
    """The name of a work pool with one process worker."""
    environment = {
        **prefect_environment,
        **s3_environment,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "STYLEDROP_WORK": f"{prefect_environment['PREFECT_HOME']}/work",
    }
    log_path = Path(prefect_environment["PREFECT_HOME"]) / "worker.log"
    with open(log_path, "wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", "test", "--type", "process"],
            env=environment, cwd=REPOSITORY, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_until(lambda: b"started!" in log_path.read_bytes(), 300, "the worker has started")
            yield "test"
        finally:
            end(worker)
