"""Real servers for whole runs: S3 (SeaweedFS) and a Prefect worker."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.processes import end, free_port, wait_until

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A SeaweedFS server with one bucket, "styles", as the environment of processes that use it."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    environment = {
        "AWS_ACCESS_KEY_ID": "dev",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": "secret"}],
            "actions": actions,
        }
        for name, actions in (
            ("dev", ["Admin", "Read", "List", "Tagging", "Write"]),
            ("reader", ["Read", "List"]),
        )
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    s3, master, volume, filer = (free_port(below=55536) for _ in range(4))  # gRPC listens on the port + 10000
    with open(folder / "weed.log", "wb") as log:
        server = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "weed"), "server", f"-dir={folder}", "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}",
                f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
                "-volume.max=20", "-master.volumeSizeLimitMB=128", "-s3.port.iceberg=0", "-s3.port.lance=0",
            ],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    url = f"http://127.0.0.1:{s3}"
    try:
        wait_until(lambda: _makes_a_bucket(url, environment, server), 300, "SeaweedFS takes a bucket")
        yield {**environment, "AWS_ENDPOINT_URL": url}
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


def _makes_a_bucket(url: str, environment: dict[str, str], server: subprocess.Popen[bytes]) -> bool:
    import s3fs

    if server.poll() is not None:
        raise RuntimeError(f"SeaweedFS ended with {server.returncode}")
    try:
        httpx.get(url, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    filesystem = s3fs.S3FileSystem(
        key=environment["AWS_ACCESS_KEY_ID"], secret=environment["AWS_SECRET_ACCESS_KEY"], endpoint_url=url
    )
    try:
        filesystem.mkdir("styles")
        filesystem.pipe_file("styles/probe", b"written")  # a bucket is there before it can be written to
    except OSError:
        return False
    return bool(filesystem.exists("styles"))
