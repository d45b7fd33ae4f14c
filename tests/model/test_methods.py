"""LoRA, soft prompt and the full fine-tune: the same `tune` and `sample` as the adapter's."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from styledrop.artifact import load_adapter, save_adapter
from styledrop.base import Base
from styledrop.config.card import Card
from styledrop.config.sampling import SamplingConfig
from styledrop.config.tuning import (
    AdapterConfig,
    FullFineTuning,
    LoRAConfig,
    LoRATuning,
    SoftPromptConfig,
    SoftPromptTuning,
    Tuning,
)
from styledrop.generator import Generator
from styledrop.methods import method_of, new_tuned, size_of
from styledrop.sampler import sample
from styledrop.tuned import Tuned
from styledrop.tuning import tune
from tests.model.conftest import TINY, condition_of, picture, randomized, rng

PAIRS = [(picture(1), "a cat in stripes"), (picture(2), "a dog in stripes")]
METHODS: list[Tuning] = [
    LoRATuning(learning_rate=3e-2, batch_size=2, steps=30),
    SoftPromptTuning(learning_rate=3e-2, batch_size=2, steps=30, num_vectors=3),
    FullFineTuning(learning_rate=3e-2, batch_size=2, steps=30),
]
of_each_method = pytest.mark.parametrize("config", METHODS, ids=lambda config: config.method)
CARD = Card(name="stripes", base_name="tiny", base_sha256="0" * 64)


@torch.no_grad()
def loss_with_all_masked(base: Base, tuned: Tuned) -> float:
    model, texts = tuned.on(base), base.text.encode([prompt for _, prompt in PAIRS])
    tokens = base.tokenize([image for image, _ in PAIRS])
    condition = model.condition(tuned.extend(texts.hidden), texts.pooled)
    logits = model.generator(torch.full_like(tokens, TINY.mask_id), condition, tuned.adapt)
    return float(F.cross_entropy(logits.flatten(0, 1), tokens.flatten()))


@pytest.fixture(autouse=True)
def kept_at_every_second_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("styledrop.tuning.CHECKPOINT_EVERY", 2)


@of_each_method
def test_tuning_learns_every_weight_and_leaves_the_base_alone(base: Base, config: Tuning) -> None:
    before = {name: value.clone() for name, value in base.generator.state_dict().items()}
    start = new_tuned(size_of(config), base.generator)
    start.init_weights(rng())
    tuned = tune(base, PAIRS, config)
    assert loss_with_all_masked(base, tuned) < loss_with_all_masked(base, start) - 0.005
    assert all(torch.equal(value, before[name]) for name, value in base.generator.state_dict().items())
    assert all(not torch.equal(value, start.state_dict()[name]) for name, value in tuned.state_dict().items())


@of_each_method
def test_a_stopped_run_ends_with_the_same_bits(base: Base, tmp_path: Path, config: Tuning) -> None:
    def stop(step: int, *_: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    short = config.model_copy(update={"steps": 5})
    whole = tune(base, PAIRS, short)
    with pytest.raises(KeyboardInterrupt):
        tune(base, PAIRS, short, checkpoint=tmp_path / "run", progress=stop)
    resumed = tune(base, PAIRS, short, checkpoint=tmp_path / "run")
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())


@of_each_method
def test_what_was_tuned_survives_its_folder_and_draws_the_same(base: Base, tmp_path: Path, config: Tuning) -> None:
    tuned = tune(base, PAIRS, config.model_copy(update={"steps": 3, "learning_rate": 1.0}))
    save_adapter(tuned, CARD, tmp_path)
    loaded = load_adapter(tmp_path, base)
    assert method_of(loaded) == size_of(config)
    drawn = [
        sample(base, ["a fish in stripes"], seeds=[4], style=style, config=SamplingConfig(steps=4)).tokens
        for style in (tuned, loaded, None)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@of_each_method
def test_an_image_is_the_same_in_any_batch(base: Base, config: Tuning) -> None:
    tuned = randomized(new_tuned(size_of(config), base.generator))
    assert isinstance(tuned, Tuned)
    prompts, seeds = ["a cat", "a dog", "a fish"], [1, 2, 3]

    def drawn(batch_size: int) -> torch.Tensor:
        steps = SamplingConfig(steps=4)
        return sample(base, prompts, seeds=seeds, style=tuned, config=steps, batch_size=batch_size).tokens

    assert torch.equal(drawn(3), drawn(1))


def test_weights_are_drawn_where_their_random_numbers_come_from(generator: Generator) -> None:
    elsewhere = generator.to("meta")
    for method in (AdapterConfig(), LoRAConfig(), SoftPromptConfig()):
        tuned = new_tuned(method, elsewhere)
        tuned.init_weights(rng())  # a generator of the CPU fills no tensor of another device
        assert {parameter.device.type for parameter in tuned.parameters()} == {"cpu"}


def test_a_new_lora_changes_no_bit_of_the_logits(base: Base) -> None:
    lora = new_tuned(LoRAConfig(rank=3), base.generator)
    lora.init_weights(rng())
    changed = lora.on(base).generator
    tokens = torch.randint(0, 16, (2, 16), generator=rng(2))
    assert torch.equal(
        changed(tokens, condition_of(changed, 2)), base.generator(tokens, condition_of(base.generator, 2))
    )
