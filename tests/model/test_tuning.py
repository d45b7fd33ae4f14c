import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from styledrop.base import Base
from styledrop.checkpoint import read_checkpoint, write_checkpoint
from styledrop.config.tuning import AdapterTuning, FullFineTuning, LoRATuning, SoftPromptTuning, Tuning
from styledrop.errors import ArtifactError, BaseError, CheckpointMismatch, TuningError
from styledrop.masking import mask_tokens
from styledrop.methods import new_tuned, size_of
from styledrop.tuning import tune
from tests.model.conftest import condition_of, picture, rng

CONFIG = AdapterTuning(learning_rate=1e-2, batch_size=4, steps=6)
PAIRS = [(picture(seed), f"thing {seed} in noise style") for seed in range(3)]


@pytest.fixture(autouse=True)
def kept_at_every_second_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("styledrop.tuning.CHECKPOINT_EVERY", 2)


class Stopped(Exception):
    """What a process killed in the middle of a run stands for."""


def stop_after(last: int) -> Callable[[int, int, float], None]:
    def progress(step: int, num_steps: int, loss: float) -> None:
        if step == last:
            raise Stopped

    return progress


def seen_tokens(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    batches = []

    def spy(tokens: Tensor, *, mask_id: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        batches.append(tokens)
        return mask_tokens(tokens, mask_id=mask_id, generator=generator)

    monkeypatch.setattr("styledrop.tuning.mask_tokens", spy)
    return batches


def test_tuning_learns_the_references(base: Base) -> None:
    base.generator.init_weights(rng())
    torch.nn.init.normal_(base.generator.mlm_layer.conv2.weight, generator=rng())  # a head that can be sure
    losses: list[float] = []
    config = AdapterTuning(bottleneck=8, learning_rate=3e-2, batch_size=8, steps=60)
    tune(base, PAIRS[:1], config, progress=lambda step, num_steps, loss: losses.append(loss))
    assert len(losses) == 60
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_only_the_adapter_is_trained(base: Base) -> None:
    before = {name: value.clone() for name, value in base.generator.state_dict().items()}
    adapter = tune(base, PAIRS, CONFIG)
    assert all(torch.equal(value, before[name]) for name, value in base.generator.state_dict().items())
    assert all(parameter.grad is None for parameter in base.generator.parameters())
    assert not any(parameter.requires_grad for parameter in adapter.parameters())
    tokens, condition = torch.randint(0, 20, (2, 16), generator=rng()), condition_of(base.generator, 2)
    assert not torch.equal(base.generator(tokens, condition, adapter.adapt), base.generator(tokens, condition))


def test_every_image_is_used_equally_often(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = seen_tokens(monkeypatch)
    tune(base, PAIRS, CONFIG.model_copy(update={"steps": 3}))
    rows = [tuple(row.tolist()) for row in torch.cat(batches)]
    tokens = [tuple(row.tolist()) for row in base.tokenize([image for image, _ in PAIRS])]
    assert len(set(tokens)) == 3
    assert [rows.count(row) for row in tokens] == [4, 4, 4]


def test_every_image_is_shown_with_its_own_prompt(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = seen_tokens(monkeypatch)
    shown: list[Tensor] = []
    forward = base.generator.forward

    def spy(tokens: Tensor, condition: object, adapt: object) -> Tensor:
        shown.append(condition.shifts[0][:, 0])  # type: ignore[attr-defined]
        return forward(tokens, condition, adapt)

    monkeypatch.setattr(base.generator, "forward", spy)
    pairs = [*PAIRS, (picture(9), PAIRS[0][1])]  # two images with the same prompt
    tune(base, pairs, CONFIG)
    texts = base.text.encode([prompt for _, prompt in pairs])
    conditions = base.condition(texts.hidden, texts.pooled).shifts[0][:, 0]
    tokens = base.tokenize([image for image, _ in pairs])
    for row, shift in zip(torch.cat(batches), torch.cat(shown), strict=True):
        place = int((tokens == row).all(dim=1).nonzero()[0])
        torch.testing.assert_close(shift, conditions[place])


@pytest.mark.parametrize("size", [{}, {"bottleneck": 3, "share_across_layers": False}])
def test_a_stopped_run_ends_with_the_same_bits(base: Base, tmp_path: Path, size: dict[str, int]) -> None:
    config = CONFIG.model_copy(update=size)
    whole = tune(base, PAIRS, config, seed=5)
    path = tmp_path / "run" / "checkpoint.safetensors"
    with pytest.raises(Stopped):
        tune(base, PAIRS, config, seed=5, checkpoint=path, progress=stop_after(5))
    steps = []
    resumed = tune(base, PAIRS, config, seed=5, checkpoint=path, progress=lambda step, *_: steps.append(step))
    assert steps == [5, 6]  # the checkpoint of step 4 was the last
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    # A run that was done has nothing left to do, and tells its last loss.
    again = []
    finished = tune(base, PAIRS, config, seed=5, checkpoint=path, progress=lambda *given: again.append(given))
    assert [(step, num_steps) for step, num_steps, _ in again] == [(6, 6)]
    assert torch.equal(finished.attention.up, whole.attention.up)


def test_tokens_stand_for_their_images(base: Base) -> None:
    tokens = base.tokenize([image for image, _ in PAIRS])
    mixed = [(tokens[0], PAIRS[0][1]), PAIRS[1], (tokens[2], PAIRS[2][1])]
    by_images, by_tokens = tune(base, PAIRS, CONFIG), tune(base, mixed, CONFIG)
    for name, value in by_images.state_dict().items():
        assert torch.equal(by_tokens.state_dict()[name], value)


def test_another_seed_gives_another_adapter(base: Base) -> None:
    first, second = (tune(base, PAIRS, CONFIG, seed=seed) for seed in (1, 2))
    assert not torch.equal(first.attention.up, second.attention.up)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": CONFIG.model_copy(update={"learning_rate": 0.5})}, "'learning_rate': 0.5.*'learning_rate': 0.01"),
        ({"pairs": PAIRS[:2]}, "expected pairs '"),
        ({"pairs": [(image, "another prompt") for image, _ in PAIRS]}, "expected pairs '"),
        ({"seed": 4}, "expected seed 4, got 0"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    base: Base, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    tune(base, PAIRS, CONFIG, checkpoint=path)
    given = {"pairs": PAIRS, "config": CONFIG, "seed": 0, **change}
    with pytest.raises(CheckpointMismatch, match=message):
        tune(base, given["pairs"], given["config"], seed=given["seed"], checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_says_so_and_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, {"weights": torch.zeros(1)}, {"step": 1})
    (tmp_path / "checkpoint.safetensors.partial").mkdir()
    with pytest.raises(ArtifactError, match=r"to write a checkpoint to .*checkpoint\.safetensors, got .*; make room"):
        write_checkpoint(path, {"weights": torch.ones(1)}, {"step": 2})
    found = read_checkpoint(path)
    assert found is not None
    assert found[1] == {"step": 1}


def test_a_checkpoint_on_another_base_is_refused(base: Base, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    tune(base, PAIRS, CONFIG, checkpoint=path)
    with pytest.raises(CheckpointMismatch, match=f"expected base '{'1' * 64}', got '{'0' * 64}'"):
        tune(replace(base, sha256="1" * 64), PAIRS, CONFIG, checkpoint=path)


def _without_a_tensor(whole: bytes) -> bytes:
    tensors = safetensors.torch.load(whole)
    with io.BytesIO(whole) as file:
        size = int.from_bytes(file.read(8), "little")
        metadata = json.loads(file.read(size))["__metadata__"]
    del tensors["rng"]
    return safetensors.torch.save({name: value.clone() for name, value in tensors.items()}, metadata)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"torn",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: bytes(len(whole)),
        lambda whole: b"\xff" * len(whole),
        lambda whole: whole.replace(b'\\"step\\"', b'\\"pets\\"'),
        lambda whole: safetensors.torch.save({"rng": torch.zeros(3)}, {"state": "[]"}),
        lambda whole: safetensors.torch.save({"rng": torch.zeros(3)}),
        _without_a_tensor,
    ],
)
def test_a_broken_checkpoint_is_told_and_the_tuning_starts_over(
    base: Base, tmp_path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    whole = tune(base, PAIRS, CONFIG, seed=5)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Stopped):
        tune(base, PAIRS, CONFIG, seed=5, checkpoint=path, progress=stop_after(5))
    path.write_bytes(damage(path.read_bytes()))
    steps: list[int] = []
    again = tune(base, PAIRS, CONFIG, seed=5, checkpoint=path, progress=lambda step, *_: steps.append(step))
    assert steps == [1, 2, 3, 4, 5, 6]
    assert str(path) in caplog.text and "the tuning starts over" in caplog.text
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("pairs", "error", "message"),
    [
        ([], TuningError, "at least one image"),
        ([PAIRS[0], (PAIRS[1][0], "")], TuningError, "prompt at position 1, got ''"),
        ([(Image.new("RGB", (20, 16)), "a cat")], BaseError, r"16x16 px, got 20x16 at position 0.*\(16, 16\)"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused(
    base: Base, pairs: list[tuple[Image.Image, str]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tune(base, pairs, CONFIG)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_tuning_at_its_step_and_is_never_kept(
    loss: float, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = iter([1.0, 1.0, loss])

    def broken(logits: Tensor, *rest: Tensor) -> Tensor:
        return logits.mean() * 0 + next(steps)

    monkeypatch.setattr("styledrop.tuning.masked_cross_entropy", broken)
    path = tmp_path / "run.safetensors"
    with pytest.raises(TuningError, match=rf"a finite loss, got {loss} at step 3; lower the learning rate \(0\.01\)"):
        tune(base, PAIRS, CONFIG, checkpoint=path)
    found = read_checkpoint(path)
    assert found is not None and found[1]["step"] == 2


def test_weights_that_the_last_step_breaks_are_refused(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    last = torch.optim.Adam.step

    def broken(optimizer: torch.optim.Adam) -> None:
        last(optimizer)
        with torch.no_grad():
            optimizer.param_groups[0]["params"][0].fill_(float("nan"))

    monkeypatch.setattr(torch.optim.Adam, "step", broken)
    with pytest.raises(TuningError, match=r"finite weights, got NaN or infinity in .* after step 1"):
        tune(base, PAIRS, CONFIG.model_copy(update={"steps": 1}))


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_step_in_parts_is_the_same_step(base: Base, at_once: int) -> None:
    def losses_of(at_once: int | None) -> list[float]:
        seen: list[float] = []
        tune(base, PAIRS, CONFIG, at_once=at_once, progress=lambda step, num_steps, loss: seen.append(loss))
        return seen

    # Each loss after the first says whether the steps before it were the same; where bfloat16 rounds, nearly.
    assert losses_of(at_once) == pytest.approx(losses_of(None), rel=1e-3)


@pytest.mark.parametrize("kind", [AdapterTuning, LoRATuning, SoftPromptTuning, FullFineTuning])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_base_of_16_bits_is_tuned_as_one_of_32(base: Base, dtype: torch.dtype, kind: type[Tuning]) -> None:
    config = kind(learning_rate=1e-2, batch_size=4, steps=1)
    wanted = {name: value.clone() for name, value in tune(base, PAIRS, config).state_dict().items()}
    base.generator.to(dtype)
    got = tune(base, PAIRS, config).state_dict()
    assert all(value.dtype == torch.float32 for value in got.values())
    # Adam's first step is of one size everywhere and only its sign is learnt, so signs are what can differ.
    started = new_tuned(size_of(config), base.generator)
    started.init_weights(rng(0))
    before = started.state_dict()
    steps = [(wanted[name] - before[name]).sign() == (got[name] - before[name]).sign() for name in got]
    assert torch.cat([step.flatten() for step in steps]).float().mean() > 0.9
