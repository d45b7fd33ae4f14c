"""A whole pretraining on a tiny corpus: eight things in four styles, two steps of everything, no network."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from transformers import BertConfig, BertModel, BertTokenizerFast

import styledrop
from data.corpus import build
from data.corpus.packages import PACKAGES
from data.corpus.sets import IconSet
from data.documents.pretrain_spec import PretrainSpec
from data.errors import PretrainingError, SettingsChanged
from flows.pretrain_base import pretrain_base
from styledrop.errors import BaseError
from tasks.pretraining import generator as pretrain_generator
from tasks.pretraining import text as pretrain_text
from tasks.pretraining import vqgan as pretrain_vqgan

pytestmark = pytest.mark.usefixtures("prefect_api")

THINGS = ("house", "cat", "fish", "crown", "tree", "rocket", "shield", "cup")
STYLES = {"noto": "#c33", "icon-park": "#33c", "ph-thin": "#000", "tabler": "#222"}


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The npm packages as if they had been fetched, with four small sets under the names of real styles."""
    folder = tmp_path / "packages"
    for name in PACKAGES:
        write(folder / name / "package/package.json", {})
    write(folder / "emojibase/package/en/data.json", [])
    info = {"author": {"name": "Ann", "url": "https://a.example"},
            "license": {"title": "MIT License", "spdx": "MIT", "url": "https://l.example"}}  # fmt: skip
    write(
        folder / "iconify/package/collections.json",
        {style: {"name": style.title(), **info} for style in STYLES},
    )
    for row, (style, colour) in enumerate(STYLES.items()):
        icons = {
            thing: {"body": f'<rect x="{2 + column}" y="{1 + row}" width="7" height="9" fill="{colour}"/>'}
            for column, thing in enumerate(THINGS)
        }
        write(folder / f"iconify/package/json/{style}.json", {"icons": icons, "width": 20, "height": 20})
    monkeypatch.setattr(build, "BASE_SETS", tuple(IconSet(style=style, collection=style) for style in STYLES))
    monkeypatch.setattr(build, "KEPT_FRACTION", 0.25)
    return folder


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """A sentence encoder of random weights that knows the things by name."""
    folder = tmp_path / "teacher"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *THINGS, "zebra"]))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=14, **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture
def document(tmp_path: Path, packages: Path, teacher: Path) -> dict[str, Any]:
    schedule = {"num_steps": 2, "learning_rate": 1e-3, "batch_size": 4, "warmup_steps": 1}
    return {
        "work": str(tmp_path / "work"),
        "packages": str(packages),
        "teacher": str(teacher),
        "name": "tiny",
        "size_px": 32,
        "draws": {"num_pictures": 24, "num_kept": 4},
        "vqgan": {
            "schedule": schedule, "block_out_channels": [8, 8, 8, 8], "latent_channels": 4, "num_codes": 16,
            "norm_num_groups": 4, "continuous_steps": 0,
        },
        "decoder": {"schedule": schedule},
        "processes": 1,
        "text": {
            "schedule": schedule, "num_prompts": 5, "num_merges": 100, "max_length": 12, "width": 16, "layers": 2,
            "heads": 2, "embed_dim": 16,
        },
        "clip": {
            "schedule": schedule, "image_layers": [1, 1, 1, 1], "image_width": 8, "styles_per_batch": 2,
        },
        "generator": {
            "schedule": {**schedule, "ema_decay": 0.9}, "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "channels": 16, "channel_heads": 2,
            "num_res_blocks": 1, "micro_cond_encode_dim": 8,
        },
        "super_resolution": {
            "schedule": schedule, "num_images": 20, "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "channels": 16, "channel_heads": 2, "encoder_layers": 1,
        },
        "pictures": {"contents": ["a cat"], "styles": ["noto", "tabler"], "sampling_steps": 2},
    }  # fmt: skip


def test_a_killed_pretraining_goes_on_and_a_finished_one_is_not_repeated(
    document: dict[str, Any], tmp_path: Path
) -> None:
    spec, work = PretrainSpec.model_validate(document), tmp_path / "work"
    with (
        patch.object(pretrain_generator, "train_generator", side_effect=RuntimeError("the power went out")),
        pytest.raises(RuntimeError, match="the power went out"),
    ):
        pretrain_base(spec)

    with (
        patch.object(pretrain_vqgan, "train_vqgan", side_effect=AssertionError),
        patch.object(pretrain_text, "train_text", side_effect=AssertionError),
    ):
        made = pretrain_base(spec)

    base = styledrop.Base.from_pretrained(made.folder)
    assert made.folder == str(work / "base")
    assert (base.sha256, base.size_px, base.name) == (made.sha256, 32, "base")
    drawn = styledrop.sample(base, ["a cat"], seeds=[0], config=styledrop.SamplingConfig(steps=2))
    [image] = drawn.images
    assert image.size == (32, 32)
    [large] = styledrop.enlarge(base, drawn.tokens, ["a cat"], seeds=[0])
    assert large.size == (64, 64)
    assert base.clip_folder is not None
    scores = styledrop.ClipScorer(base.clip_folder).score([image], ["a cat"], [Image.new("RGB", (32, 32))])
    assert abs(float(scores.text[0])) <= 1.0
    assert "MIT" in (base.folder / "CREDITS.md").read_text()
    card = base.card
    built = json.loads((work / "corpus/result/corpus.json").read_text())
    assert card["corpus"]["sha256"] == built["sha256"]
    assert card["corpus"]["licences"] == dict.fromkeys(STYLES, "MIT")
    assert card["torch"] == torch.__version__
    assert {name: stage["steps"] for name, stage in card["stages"].items()} == {
        "corpus": 0, "draws": 0, "sentences": 0, "text": 2, "clip": 2, "vqgan": 2, "tokens": 0,
        "decoder": 2, "generator": 2, "large": 0, "large_tokens": 0, "super_resolution": 2,
    }  # fmt: skip
    assert card["settings"]["generator"]["schedule"]["batch_size"] == 4
    assert str(tmp_path) not in json.dumps(card)
    for stage, kept in (("vqgan", "psnr_kept_looks"), ("generator", "kept_contents")):
        assert kept in card["stages"][stage]["figures"]
    for stage in ("vqgan", "generator", "super_resolution"):
        assert {"curve.jsonl", "pictures.png"} <= {path.name for path in (work / stage).iterdir()}

    with patch.object(pretrain_generator, "train_generator", side_effect=AssertionError):
        assert pretrain_base(spec) == made

    document["generator"]["schedule"]["num_steps"] = 3
    grown = pretrain_base(PretrainSpec.model_validate(document))
    assert grown.sha256 != made.sha256
    steps = [json.loads(line)["step"] for line in (work / "generator/curve.jsonl").read_text().splitlines()]
    assert steps == [2, 3]  # it went on, and did not start over

    document["vqgan"]["codebook_decay"] = 0.5
    with pytest.raises(SettingsChanged, match=r"work/vqgan .* vqgan.codebook_decay: expected 0.995, got 0.5"):
        pretrain_base(PretrainSpec.model_validate(document))

    document["draws"]["num_kept"] = 5
    with pytest.raises(SettingsChanged, match=r"work/draws .* draws.num_kept: expected 4, got 5"):
        pretrain_base(PretrainSpec.model_validate(document))

    with patch.object(build, "BASE_SETS", ()), pytest.raises(SettingsChanged, match=r"work/corpus .* tables: "):
        pretrain_base(spec)


def in_another_folder(document: dict[str, Any], work: Path) -> PretrainSpec:
    """The same corpus, which no seed changes, in another work folder."""
    shutil.copytree(Path(document["work"]) / "corpus", work / "corpus")
    document["work"] = str(work)
    return PretrainSpec.model_validate(document)


def test_a_base_goes_on_from_a_finished_one_with_other_codes(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLEDROP_DEVICE", "meta")  # an accelerator, for all that draws; training stays on the CPU
    first = styledrop.Base.from_pretrained(pretrain_base(PretrainSpec.model_validate(document)).folder)

    # Another seed: weights that do not start from the first base's are far from them.
    document |= {"start_from": str(first.folder), "seed": 1}
    document["vqgan"]["num_codes"] = 24
    spec = in_another_folder(document, tmp_path / "second")
    with patch.object(pretrain_text, "train_text", side_effect=AssertionError):
        second = styledrop.Base.from_pretrained(pretrain_base(spec).folder)

    assert second.card["start_from"] == {"name": "base", "sha256": first.sha256}
    assert str(tmp_path) not in json.dumps(second.card)
    assert len(second.vqgan.codebook) == second.generator.config.codebook_size == 24
    for part in ("text_encoder/model.safetensors", "clip/open_clip_model.safetensors"):
        assert (second.folder / part).read_bytes() == (first.folder / part).read_bytes()
    # Two steps at 1e-3 leave weights near where they started.
    for module in ("vqgan", "generator", "super_resolution"):
        old, new = getattr(first, module).state_dict(), getattr(second, module).state_dict()
        shared = [name for name in old if old[name].shape == new[name].shape and old[name].ndim > 1]
        assert shared
        for name in shared:
            assert (old[name].float() - new[name].float()).abs().max() < 0.01, f"{module} {name}"

    # Parts can be left as they are, byte for byte.
    document |= {"start_from": str(second.folder), "seed": 2}
    for part in ("vqgan", "decoder", "generator", "super_resolution"):
        document[part]["schedule"] = {**document[part]["schedule"], "num_steps": 0}
    third = styledrop.Base.from_pretrained(pretrain_base(in_another_folder(document, tmp_path / "third")).folder)
    for folder in ("vqvae", "transformer", "super_resolution"):
        [weights] = [path.relative_to(second.folder) for path in (second.folder / folder).glob("*.safetensors")]
        assert (third.folder / weights).read_bytes() == (second.folder / weights).read_bytes(), folder
    for part in ("vqgan", "generator", "super_resolution"):
        for told in ("stages", "settings"):
            assert third.card[told][part] == second.card[told][part], f"{told} {part}"

    document["generator"]["schedule"]["num_steps"] = 2
    document["generator"]["hidden_size"] = 32
    with pytest.raises(BaseError, match=r"size \(32, 16\) to start from, got \(16, 16\)"):
        pretrain_base(in_another_folder(document, tmp_path / "fourth"))

    shutil.rmtree(second.folder / "clip")
    with pytest.raises(PretrainingError, match=r"second/base' without \['clip'\]"):
        pretrain_base(in_another_folder(document, tmp_path / "fifth"))


def test_without_a_base_to_go_on_from_every_part_has_to_be_trained(document: dict[str, Any]) -> None:
    document["clip"]["schedule"] = {**document["clip"]["schedule"], "num_steps": 0}
    with pytest.raises(
        ValidationError, match=r"at least one step of every part without start_from, got none of \['clip'\]"
    ):
        PretrainSpec.model_validate(document)


def test_a_missing_teacher_and_a_place_that_is_taken_are_said_in_words(
    document: dict[str, Any], tmp_path: Path
) -> None:
    from tasks.pretraining.assemble import assemble_base
    from tasks.pretraining.text import embed_phrases

    document |= {"teacher": str(tmp_path / "nobody"), "out": str(tmp_path / "packages")}
    spec = PretrainSpec.model_validate(document)
    with pytest.raises(PretrainingError, match="Hugging Face folder at .*nobody"):
        embed_phrases.fn(spec, {})
    with pytest.raises(PretrainingError, match="nothing or a base at .*packages"):
        assemble_base.fn(spec, {})
