import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from styledrop.adapters import Adapter, AdapterConfig
from styledrop.artifact import Card, StyleReference, load_adapter, load_card, save_adapter
from styledrop.base import Base
from styledrop.errors import ArtifactError, ChecksumMismatch, IncompatibleBase
from tests.model.conftest import TINY, randomized

CARD = Card(
    name="melting gold",
    base_name="tiny",
    base_sha256="0" * 64,
    references=(StyleReference(sha256="a" * 64, content_phrase="a flower", style_phrase="in melting gold"),),
    prompts=("a flower in melting gold",),
    licence="CC0-1.0",
    consent="own work",
    feedback="clip",
    rounds=({"steps": 3, "final_loss": 2.5},),
    seeds={"tuning": 1},
    guidance={"lambda_a": 2.0, "lambda_b": 5.0},
)


@pytest.fixture
def adapter() -> Adapter:
    made = Adapter.for_generator(AdapterConfig(bottleneck=3, share_across_layers=False), TINY)
    randomized(made)
    return made


def change_card(folder: Path, **changes: object) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_adapter_survives_its_folder(tmp_path: Path, base: Base, adapter: Adapter) -> None:
    written = save_adapter(adapter, CARD, tmp_path / "style")
    loaded = load_adapter(tmp_path / "style", base)
    assert loaded.config == adapter.config
    for name, value in adapter.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
    assert sorted(path.name for path in (tmp_path / "style").iterdir()) == ["adapter.safetensors", "card.json"]
    assert load_card(tmp_path / "style") == written
    assert replace(written, adapter=CARD.adapter, weights_sha256="", versions={}, created="") == CARD
    assert written.versions["torch"] == torch.__version__


def test_the_same_adapter_gives_the_same_weights_file(tmp_path: Path, adapter: Adapter) -> None:
    first, second = (save_adapter(adapter, CARD, tmp_path / name) for name in "ab")
    assert first.weights_sha256 == second.weights_sha256


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, base: Base, adapter: Adapter) -> None:
    save_adapter(adapter, CARD, tmp_path)
    other = replace(base, name="other", sha256="b" * 64)
    with pytest.raises(IncompatibleBase, match=r"'melting gold' .* 'tiny' \(0{12}\).* 'other' \(b{12}\)"):
        load_adapter(tmp_path, other)


def test_changed_weights_are_refused(tmp_path: Path, base: Base, adapter: Adapter) -> None:
    written = save_adapter(adapter, CARD, tmp_path)
    path = tmp_path / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(ChecksumMismatch, match=f"sha256 {written.weights_sha256[:12]}, got "):
        load_adapter(tmp_path, base)


def test_missing_files_are_named(tmp_path: Path, base: Base, adapter: Adapter) -> None:
    with pytest.raises(ArtifactError, match=r"card\.json"):
        load_adapter(tmp_path, base)
    save_adapter(adapter, CARD, tmp_path)
    (tmp_path / "adapter.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"adapter\.safetensors.*'melting gold'"):
        load_adapter(tmp_path, base)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, r"unknown keys \['colour'\]"),
        ({"adapter": {"bottleneck": 3, "rank": 4}}, "'rank'"),
        ({"adapter": {"bottleneck": 5, "share_across_layers": False}}, r"do not fit.*attention\.down"),
        ({"references": [{"sha256": "a"}]}, "content_phrase"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    tmp_path: Path, base: Base, adapter: Adapter, changes: dict[str, object], message: str
) -> None:
    save_adapter(adapter, CARD, tmp_path)
    change_card(tmp_path, **changes)
    with pytest.raises(ArtifactError, match=f"(?s){message}"):
        load_adapter(tmp_path, base)


def test_a_card_that_is_no_json_is_refused(tmp_path: Path) -> None:
    for text in ("{", "[]", "{}"):
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(ArtifactError, match="cannot be read"):
            load_card(tmp_path)
