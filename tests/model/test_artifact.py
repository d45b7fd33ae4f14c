import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load

from styledrop.adapters import Adapter
from styledrop.artifact import load_adapter, load_card, save_adapter
from styledrop.base import Base
from styledrop.config.card import Card, StyleReference
from styledrop.config.tuning import AdapterConfig, Method
from styledrop.errors import ArtifactError, ChecksumMismatch, IncompatibleBase
from styledrop.full_fine_tune import FullFineTuneConfig
from styledrop.lora import LoRAConfig
from styledrop.methods import new_tuned
from styledrop.soft_prompt import SoftPromptConfig
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
    of_saving = {"adapter": CARD.adapter, "weights_sha256": "", "versions": {}, "created": ""}
    assert written.model_copy(update=of_saving) == CARD
    assert written.versions["torch"] == torch.__version__


def test_the_same_adapter_and_card_give_the_same_weights_file(tmp_path: Path, adapter: Adapter) -> None:
    card = CARD.model_copy(update={"created": "2026-01-01T00:00:00+00:00"})
    first, second = (save_adapter(adapter, card, tmp_path / name) for name in "ab")
    assert first.weights_sha256 == second.weights_sha256


@pytest.mark.parametrize(
    ("method", "file", "architecture"),
    [
        (AdapterConfig(bottleneck=3), "adapter.safetensors", "amused/styledrop-adapter"),
        (LoRAConfig(rank=2), "adapter_model.safetensors", "amused/lora"),
        (LoRAConfig(rank=2), "pytorch_lora_weights.safetensors", "amused/lora"),
        (SoftPromptConfig(), "adapter.safetensors", "amused/soft-prompt"),
        (FullFineTuneConfig(), "adapter.safetensors", "amused"),
    ],
)
def test_the_weights_say_in_their_header_what_they_are(
    tmp_path: Path, base: Base, method: Method, file: str, architecture: str
) -> None:
    tuned = new_tuned(method, base.generator)
    randomized(tuned)
    save_adapter(tuned, CARD, tmp_path)
    with safe_open(tmp_path / file, framework="pt") as opened:
        said = opened.metadata()
    content = (tmp_path / file).read_bytes()
    assert {name.removeprefix("transformer."): value.tolist() for name, value in load(content).items()} == {
        name.removeprefix("base_model.model.") if file.startswith("pytorch") else name: value.tolist()
        for name, value in tuned.state_dict().items()
    }
    end = 8 + int.from_bytes(content[:8], "little")
    assert end % 8 == 0
    assert said["format"] == "pt"
    assert said["modelspec.sai_model_spec"] == "1.0.1"
    assert said["modelspec.architecture"] == architecture
    assert said["modelspec.implementation"] == "styledrop"
    assert (said["modelspec.title"], said["modelspec.license"]) == ("melting gold", "CC0-1.0")
    assert (
        said["modelspec.trigger_phrase"] == "in melting gold" and "'in melting gold'" in said["modelspec.description"]
    )
    assert said["modelspec.hash_sha256"] == f"0x{hashlib.sha256(content[end:]).hexdigest()}"
    assert said["modelspec.date"] and "style" in said["modelspec.tags"]


def test_what_a_card_does_not_know_is_no_key_of_the_header(tmp_path: Path, adapter: Adapter) -> None:
    save_adapter(adapter, Card(name="plain", base_name="tiny", base_sha256="0" * 64), tmp_path)
    with safe_open(tmp_path / "adapter.safetensors", framework="pt") as opened:
        assert not {"modelspec.license", "modelspec.trigger_phrase"} & opened.metadata().keys()


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
        ({"adapter": {"bottleneck": 3, "rank": 4}}, "rank"),
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
