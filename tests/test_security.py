"""What docs/security.md promises: no pickle, no way out of a folder, nothing outside the allowed roots."""

import hashlib
import io
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import styledrop
from bench.bad_inputs import main as try_bad_inputs
from data.addresses import ROOTS, check_address, open_filesystem
from data.documents.document import parse_document
from data.errors import AddressError, CandidatesError, SpecError, StoreCorrupted, StoreError
from data.store.candidates import from_parquet
from data.store.files import Store
from data.store.published_style import check_version
from tasks.models import open_base

ROOT = Path(__file__).parents[1]
CODE = ("bench", "data", "flows", "infra", "model", "published", "rate", "review", "tasks")
UNPICKLES = re.compile(
    r"\b(import|from) (pickle|cloudpickle|dill|joblib|shelve|marshal)\b|torch\.(load|save)\(|read_pickle|"
    r"allow_pickle=True|yaml\.(load|unsafe_load|full_load)\((?!text, Loader=_Reader)|\beval\(|\bexec\("
)


def _sources() -> list[Path]:
    return [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]


def test_no_code_of_ours_unpickles_or_evaluates() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in _sources()
        for match in UNPICKLES.finditer(path.read_text())
        if not match[0].startswith(("eval(", "exec("))  # torch's `module.eval()` and the like are no calls of ours
        or path.read_text()[match.start() - 1] not in "._"
    }
    assert found == set()


def test_every_result_that_is_kept_is_json() -> None:
    for path in _sources():
        for decorator in re.findall(r"@(?:task|flow)\(((?:[^()]|\([^()]*\))*)\)", path.read_text()):
            assert "persist_result=True" not in decorator or 'result_serializer="json"' in decorator, (path, decorator)


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_never_loaded_whatever_it_is_named(tmp_path: Path, tiny_base_folder: Path) -> None:
    mark = tmp_path / "unpickled"
    bomb = pickle.dumps(Bomb(mark))
    base = styledrop.Base.from_pretrained(tiny_base_folder)
    for name in ("adapter.safetensors", "card.json"):
        folder = tmp_path / name
        styledrop.save_adapter(
            styledrop.Adapter.for_generator(styledrop.AdapterConfig(bottleneck=2), base.generator.config),
            styledrop.Card(name="disc", base_name=base.name, base_sha256=base.sha256),
            folder,
        )
        (folder / name).write_bytes(bomb)
        with pytest.raises(styledrop.ArtifactError):
            styledrop.load_adapter(folder, base)
    with pytest.raises(CandidatesError):
        from_parquet(bomb)
    with pytest.raises((ValueError, OSError)):
        np.load(io.BytesIO(bomb), allow_pickle=False)
    with pytest.raises(SpecError):
        parse_document(f"!!python/object/apply:pathlib.Path.touch [{mark}]".encode(), "spec.yaml")
    assert not mark.exists()
    pickle.loads(bomb)  # as it would have gone off
    assert mark.exists()


@pytest.mark.parametrize(
    "path",
    ["../out", "a/../../out", "/out", "./out", "a//out", ".ssh/out", "a\\..\\out", "a/\x00", "", " a", "a::b", "a\n"],
)
def test_a_manifest_leads_nowhere_out_of_its_version(path: str, tmp_path: Path) -> None:
    _refuses(json.dumps({path: hashlib.sha256(b"x").hexdigest()}).encode(), tmp_path)


TOO_MANY = json.dumps(dict.fromkeys((f"{number}" for number in range(10_001)), "0" * 64)).encode()


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"5", b"{", b'{"a": 5}', b'{"a": "../b"}', b"[" * 100_000, pytest.param(TOO_MANY, id="too many")],
)
def test_a_manifest_that_is_none_is_one_error(manifest: bytes, tmp_path: Path) -> None:
    _refuses(manifest, tmp_path)


def _refuses(manifest: bytes, tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/store")
    version = hashlib.sha256(manifest).hexdigest()[:16]
    store.write_new(f"styles/disc/versions/{version}/manifest.json", manifest)
    with pytest.raises(StoreCorrupted, match="expected a Manifest at .*/manifest.json, got something else"):
        check_version(f"{store.uri}/styles/disc/versions/{version}")


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("s3://styles/a.png", True),
        ("S3://styles/a.png", True),
        ("s3://styles", True),
        ("s3://styles-of-others/a.png", False),
        ("s3://other/styles/a.png", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("https://styles/a.png", False),
        ("ROOT/a.png", True),
        ("file://ROOT/a.png", True),
        ("ROOT/../outside.png", False),
        ("ROOT/link/outside.png", False),
        ("/etc/passwd", False),
        ("memory://a/b", False),
    ],
)
def test_nothing_outside_the_allowed_roots_is_opened(
    address: str, is_allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    monkeypatch.setenv(ROOTS, f"s3://styles, {root}")
    address = address.replace("ROOT", str(root))
    if is_allowed:
        open_filesystem(address)
        return
    with pytest.raises(AddressError, match=f"all that {ROOTS} allows here"):
        open_filesystem(address)
    with pytest.raises(StoreError, match=ROOTS):
        Store(address)


@pytest.mark.parametrize("roots", [",", " , ", "s3://other,"])
def test_a_list_of_roots_that_names_no_place_allows_none(roots: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOTS, roots)
    with pytest.raises(AddressError, match=f"all that {ROOTS} allows here"):
        open_filesystem("/tmp/a.png")


def test_a_base_outside_the_allowed_roots_is_not_opened(
    tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOTS, "s3://styles")
    open_base.cache_clear()
    with pytest.raises(AddressError, match=ROOTS):
        open_base(str(tiny_base_folder))


@pytest.mark.parametrize(
    "address", ["s3://key:secret@bucket/a", "https://anna:secret@host/a.png", "http://secret@host/a"]
)
def test_no_password_is_taken_in_an_address_or_repeated(address: str) -> None:
    with pytest.raises(AddressError) as caught:
        check_address(address)
    assert "secret" not in str(caught.value)


def test_bad_inputs_are_refused_in_words_and_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert try_bad_inputs() == 0
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert counts["tried"] >= 150
    assert (counts["tracebacks"], counts["left_in_store"]) == (0, 0)
