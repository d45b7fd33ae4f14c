"""What only asks about the stack changes nothing."""

import json
from pathlib import Path

import pytest
import yaml
from s3fs import S3FileSystem

from infra.stack import PATIENT_WITH_STORE, REPOSITORY, Stack, _State


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    paths = [folder, *sorted(folder.rglob("*"))]
    stats = {path: path.stat() for path in paths}
    return {
        str(path): (stat.st_mode, stat.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path, stat in stats.items()
    }


def test_status_and_env_change_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert Stack(nowhere).status() == {}
    assert not nowhere.exists()

    folder = tmp_path / "closed" / ".stack"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)  # `up` as root would open it to PostgreSQL's user
    ports = {name: 9 for name in ("postgres", "s3", "master", "volume", "filer", "ui")}
    (folder / "state.json").write_text(_State(ports=ports).model_dump_json())
    before = everything(tmp_path)
    assert set(Stack(folder).status().values()) == {"down"}
    assert Stack(folder).environment()["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert everything(tmp_path) == before
    assert json.loads((folder / "state.json").read_text())["ports"] == ports


def test_runs_are_patient_with_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = yaml.safe_load((REPOSITORY / "infra/compose.yaml").read_text())
    assert compose["services"]["worker"]["environment"].items() >= PATIENT_WITH_STORE.items()
    for name, value in {**PATIENT_WITH_STORE, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(name, value)
    filesystem = S3FileSystem(skip_instance_cache=True)
    filesystem.connect()
    # Waits of up to 1, 2, 4, 8, 16 and 20 s, by chance: half a minute on average.
    assert filesystem.s3.meta.config.retries == {"mode": "standard", "total_max_attempts": 7}
