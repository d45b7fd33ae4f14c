"""Bases, adapters, devices and folders that cannot be used are one line of words, which names file or variable."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import styledrop
from data.documents.style_spec import parse_spec
from data.errors import SpecError
from data.records.onboarding import Run
from data.records.sampling_plan import plan_sampling
from data.store.files import Store
from tasks import models
from tasks.models import open_adapter, open_base, open_scorer, refuse_cut_prompts
from tasks.onboarding.prepare import prepare
from tasks.resuming import remove_work_folder, work_folder
from tasks.sampling import draw


@pytest.mark.parametrize("device", ["gpu", "cuda:9", "cuda:x", "meta", "cpu:cpu", "tpu", "0x"])
def test_a_device_that_is_not_there_is_named_with_its_variable(
    device: str, tiny_base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLEDROP_DEVICE", device)
    open_base.cache_clear()
    with pytest.raises(SpecError, match=f"^STYLEDROP_DEVICE: expected cpu, .* got '{device}'"):
        open_base(str(tiny_base_folder))


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("STYLEDROP_WORK", "FILE/work", "got FILE/work/"),
        ("HOME", "FILE", "got FILE/.cache/styledrop/work/"),
        ("STYLEDROP_WORK", "s3://bucket", "a folder of this machine"),
        ("STYLEDROP_WORK", "~nobody-here/work", "a user's home folder"),
    ],
)
def test_a_work_folder_that_cannot_be_written_is_named_with_its_variable(
    variable: str, value: str, place: str, run: Run, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STYLEDROP_WORK")
    monkeypatch.setenv(variable, value.replace("FILE", str(reference)))
    with pytest.raises(SpecError, match=f"^STYLEDROP_WORK: .*{place.replace('FILE', str(reference))}"):
        work_folder(run)


def test_the_work_folder_of_a_home_is_found(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STYLEDROP_WORK", "~/work")
    assert work_folder(run) == tmp_path / "work" / run.key
    remove_work_folder(run)
    assert not (tmp_path / "work" / run.key).exists()


def test_a_prompt_that_the_base_would_cut_is_refused_wherever_it_is_used(
    spec_document: dict[str, Any], tiny_base_folder: Path, tmp_path: Path
) -> None:
    base = open_base(str(tiny_base_folder))
    limit = base.text.max_tokens  # the tiny base's tokens are letters, and two of its own
    refuse_cut_prompts(base, ["x" * (limit - 2)])
    with pytest.raises(SpecError, match=f"of at most {limit} tokens, .* got 1 that are longer: 'x+' has {limit + 1}"):
        refuse_cut_prompts(base, ["a cat", "x" * (limit - 1)])
    long = "x" * (limit - len("inflatstyle") - 1)
    reference = spec_document["references"][0]
    for change in (
        {"references": [{**reference, "content_phrase": long}]},
        {"references": [{**reference, "style_phrase": "in" + "x" * limit}]},
        {"prompts": ["a cat", long]},
        {"evaluation_prompts": [long]},
        {"candidate_sampling": {"negative_prompt": "x" * limit}},
        {"evaluation_sampling": {"negative_prompt": "x" * limit}},
    ):
        with pytest.raises(SpecError, match="that are longer"):
            prepare.fn(parse_spec({**spec_document, **change}))
    assert not (tmp_path / "store").exists()


def test_a_prompt_is_counted_by_the_text_encoder_of_the_embedded_base() -> None:
    text = styledrop.Base.from_pretrained("embedded").text
    assert text.max_tokens == 24
    [fits, long] = text.count_tokens(["house in flat style", "house in " + "very " * 24 + "flat style"])
    assert fits <= 24 < long


def test_a_relative_address_is_refused_in_a_run_of_a_deployment(
    spec_document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "11111111-1111-1111-1111-111111111111")
    monkeypatch.chdir(tmp_path)
    reference = spec_document["references"][0]
    for change, words in (
        ({"store": "store"}, "store 'store'"),
        ({"store": "~/store"}, "store '~/store'"),
        ({"base": "my-base"}, "base 'my-base'"),
        ({"references": [{**reference, "uri": "reference.png"}]}, "references.0.uri 'reference.png'"),
    ):
        with pytest.raises(SpecError, match=f"one place on every worker .* got {words}"):
            prepare.fn(parse_spec({**spec_document, **change}))
    assert not (tmp_path / "store").exists()
    prepare.fn(parse_spec(spec_document))


BROKEN = {
    "model_index.json": [b"{", b"[]", b"\xff", b'{"_class_name": 5}', b"[" * 100_000],
    "scheduler/scheduler_config.json": [b"", b"5", b"{}"],
    "text_encoder/config.json": [
        b"{",
        b"[]",
        b"{}",
        b'{"model_type": "gpt2"}',
        b'{"model_type": "clip_text_model", "hidden_size": "x"}',
    ],
    "text_encoder/model.safetensors": [b"", b"\0" * 40, None],
    "tokenizer/tokenizer_config.json": [
        b"{",
        b"[]",
        b'{"tokenizer_class": "NoSuchTokenizer", "model_max_length": "x"}',
    ],
    "tokenizer/tokenizer.json": [b"{", b"[]"],
    "transformer/config.json": [
        b"{",
        b"[]",
        b"null",
        b'{"hidden_size": "x"}',
        b'{"hidden_size": 4.5}',
        b'{"sample_size": -1}',
    ],
    "transformer/diffusion_pytorch_model.safetensors": [b"", b"\xff" * 40, None],
    "vqvae/config.json": [
        b"{",
        b"[]",
        b"7",
        b'{"block_out_channels": 5, "layers_per_block": 1, "latent_channels": 4, "num_vq_embeddings": 16}',
    ],
    "vqvae/diffusion_pytorch_model.safetensors": [b"", b"{}", None],
    "super_resolution/config.json": [b"{", b"[]", b'{"generator": 5}'],
    "super_resolution/model.safetensors": [b"", None],
    "card.json": [b"{", b"[]"],
}
"""Contents of a base's files that cannot be used; None is the file cut to half."""


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.filterwarnings("ignore")  # transformers': what matters raises
def test_a_broken_file_of_a_base_is_one_error_that_names_its_part(
    name: str, tiny_base_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_base_folder, tmp_path / "broken"))
    whole = (folder / name).read_bytes()
    for content in BROKEN[name]:
        (folder / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
        with pytest.raises(styledrop.BaseError) as caught:
            styledrop.Base.from_pretrained(folder)
        part = name if name.endswith("json") and name.count("/") == 0 else name.split("/")[0]
        assert part.split(".")[0].removesuffix("_config") in str(caught.value), (content, str(caught.value))
        assert str(folder) in str(caught.value)
    open_base.cache_clear()
    with pytest.raises(SpecError, match="broken' cannot be used"):
        open_base(str(folder))


@pytest.mark.parametrize("name", ["open_clip_config.json", "open_clip_model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_broken_scorer_is_one_error_that_names_it(
    name: str, content: bytes, tiny_base_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_base_folder, tmp_path / "mute"))
    (folder / "clip" / name).write_bytes(content)
    open_scorer.cache_clear()
    with pytest.raises(SpecError, match=r"the scorer of base .*mute' cannot be used: .*mute/clip"):
        open_scorer(str(folder))


@pytest.mark.parametrize("folder", ["nowhere", "s3://bucket/clip"])
def test_a_scorer_that_is_not_there_is_named(folder: str, spec_document: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=f"^scorer: expected an open_clip folder of this machine, got '{folder}'"):
        prepare.fn(parse_spec({**spec_document, "scorer": folder}))
    assert not (tmp_path / "store").exists()


def test_a_scorer_of_the_spec_scores_a_base_that_has_none(
    spec_document: dict[str, Any], tiny_base_folder: Path, tmp_path: Path
) -> None:
    bare = Path(shutil.copytree(tiny_base_folder, tmp_path / "bare"))
    scorer = Path(shutil.move(bare / "clip", tmp_path / "scorer"))
    document = {**spec_document, "base": str(bare)}
    with pytest.raises(SpecError, match="name one as `scorer`"):
        prepare.fn(parse_spec(document))
    own = prepare.fn(parse_spec(spec_document))
    run = prepare.fn(parse_spec({**document, "scorer": str(scorer)}))
    assert (run.key, run.scorer_sha256) == (own.key, own.scorer_sha256)  # the same model, wherever it lies
    settings = run.spec.candidate_sampling
    plan, plan_of_own = (
        plan_sampling(one, None, prompts=["a cat"], images_per_phrase=2, purpose="candidates", settings=settings)
        for one in (run, own)
    )
    assert plan.digest == plan_of_own.digest
    [drawn, by_own] = [draw(one, where, "candidates", key="x") for one, where in ((plan, "a"), (plan_of_own, "b"))]
    assert [image.text_score for image in drawn] == [image.text_score for image in by_own]
    (scorer / "open_clip_model.safetensors").write_bytes(b"another")
    models._scorers.clear()
    with pytest.raises(SpecError, match="give every worker the same"):
        draw(plan, "c", "candidates", key="x")


CARDS: list[dict[str, Any] | bytes] = [
    {"adapter": "x"},
    {"adapter": 5},
    {"adapter": None},
    {"adapter": {"bottleneck": 4.5, "share_across_layers": True}},
    {"adapter": {"bottleneck": "x", "share_across_layers": True}},
    {"adapter": {"method": "magic"}},
    {"adapter": {"bottleneck": -1, "share_across_layers": True}},
    {"adapter": {"bottleneck": 2, "wings": 2}},
    {"name": 5},
    {"base_sha256": None},
    {"weights_sha256": 5},
    {"references": 5},
    {"references": [5]},
    {"rounds": 5},
    {"more": 1},
    b"",
    b"[]",
    b"5",
    b"null",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("change", CARDS, ids=range(len(CARDS)))
def test_a_card_that_cannot_be_used_is_one_error_that_names_it(
    change: dict[str, Any] | bytes, run: Run, tmp_path: Path
) -> None:
    base = open_base(run.spec.base)
    config = styledrop.AdapterConfig(bottleneck=2)
    adapter = styledrop.Adapter.for_generator(config, base.generator.config)
    card = styledrop.Card(name="disc", base_name=base.name, base_sha256=base.sha256)
    styledrop.save_adapter(adapter, card, tmp_path / "adapter")
    path = tmp_path / "adapter" / "card.json"
    if isinstance(change, bytes):
        path.write_bytes(change)
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(styledrop.ArtifactError, match=r"card\.json|adapter\.safetensors"):
        styledrop.load_adapter(tmp_path / "adapter", base)
    store = Store(run.store)
    files = {one.name: store.write_blob("broken", "", one.read_bytes()) for one in path.parent.iterdir()}
    with pytest.raises(SpecError, match=r"the adapter of .*/broken/.* cannot be used: "):
        open_adapter(files, base)
