import math
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from styledrop.adapters import Adapter, Mixture
from styledrop.base import Base
from styledrop.config.sampling import Guidance, SamplingConfig
from styledrop.config.tuning import AdapterConfig
from styledrop.errors import SamplingError
from styledrop.generator import Condition, Generator
from styledrop.lora import LoRAConfig
from styledrop.methods import new_tuned
from styledrop.sampler import NoisePerImage, decode, sample
from styledrop.tuned import Tuned
from tests.model.conftest import TINY, HashedText, randomized, rng

MASK = 9


def fixed_logits(batch: int, tokens: int, seed: int = 0) -> Callable[[Tensor], Tensor]:
    logits = torch.randn(batch, tokens, MASK, generator=rng(seed))
    return lambda given: logits


def noise(steps: int, tokens: int, *seeds: int) -> NoisePerImage:
    return NoisePerImage([rng(seed) for seed in seeds], torch.empty(len(seeds), tokens), steps)


def test_decode_leaves_known_tokens_unchanged_and_no_mask_behind() -> None:
    given = torch.full((2, 16), MASK)
    given[0, 3:9] = torch.tensor([8, 1, 2, 3, 4, 0])
    seen = []

    def logits(tokens: Tensor) -> Tensor:
        seen.append(tokens.clone())
        return torch.randn(2, 16, MASK, generator=rng(len(seen)))

    out = decode(logits, given, mask_id=MASK, steps=5, temperature=4.5, noise=noise(5, 16, 0, 1))
    assert torch.equal(out[0, 3:9], given[0, 3:9])
    assert (out < MASK).all()
    for before, after in zip(seen, [*seen[1:], out], strict=True):
        kept = before != MASK
        assert torch.equal(before[kept], after[kept])  # what is kept once is never drawn again


def test_the_number_of_masked_tokens_follows_the_cosine() -> None:
    counts = []

    def logits(tokens: Tensor) -> Tensor:
        counts.append((tokens == MASK).sum(dim=1).tolist())
        return torch.zeros(2, 64, MASK)

    given = torch.full((2, 64), MASK)
    given[1, :24] = 0  # an image of which only 40 tokens are asked for
    decode(logits, given, mask_id=MASK, steps=8, temperature=4.5, noise=noise(8, 64, 0, 1))
    wanted = [[math.floor(n * math.cos(math.pi / 2 * step / 8)) for n in (64, 40)] for step in range(8)]
    assert counts == wanted


def test_more_steps_than_tokens_end_with_one_token_a_step() -> None:
    counts = []

    def logits(tokens: Tensor) -> Tensor:
        counts.append(int((tokens == MASK).sum()))
        return torch.zeros(1, 4, MASK)

    decode(logits, torch.full((1, 4), MASK), mask_id=MASK, steps=9, temperature=4.5, noise=noise(9, 4, 0))
    assert counts == [4, 3, 2, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("token_temperature", [1.0, 0.5])
def test_tokens_are_drawn_from_the_softmax_at_their_temperature(token_temperature: float) -> None:
    logits = torch.tensor([2.0, 0.0, 1.0, -math.inf])
    given = torch.full((1, 40_000), 4)
    # The temperature of the confidence must not heat the draw of the tokens, as one peer's does.
    out = decode(
        lambda tokens: logits.expand(1, 40_000, 4), given, mask_id=4, steps=1, temperature=100.0,
        token_temperature=token_temperature, noise=noise(1, 40_000, 0),
    )  # fmt: skip
    counts = Counter(out[0].tolist())
    for code, probability in enumerate((logits / token_temperature).softmax(0).tolist()):
        assert counts[code] / 40_000 == pytest.approx(probability, abs=0.01)
    assert counts[3] == 0


def test_without_noise_the_most_confident_tokens_are_kept() -> None:
    # Every code is the same at a token, of a probability that differs from token to token.
    num_codes = torch.tensor([9, 1, 7, 3, 8, 2, 6, 4])
    seen = []

    def logits(tokens: Tensor) -> Tensor:
        seen.append(tokens.clone())
        return torch.where(torch.arange(MASK) < num_codes[:, None], 0.0, -math.inf)[None]

    decode(logits, torch.full((1, 8), MASK), mask_id=MASK, steps=2, temperature=(0.0, 0.0), noise=noise(2, 8, 3))
    kept = set(torch.where(seen[1][0] != MASK)[0].tolist())
    assert kept == {1, 5, 3}  # floor(8 cos(pi / 4)) = 5 are masked again


def test_an_image_is_the_same_alone_and_anywhere_in_a_batch(base: Base) -> None:
    prompts = ["a cat", "a dog", "a cat", "a fish", "a very long crocodile"]
    seeds = [7, 8, 9, 7, 4_294_967_295]
    style = Adapter.for_generator(AdapterConfig(), TINY)
    randomized(style)
    config = SamplingConfig(steps=6)
    together = sample(base, prompts, seeds=seeds, style=style, config=config, batch_size=5).tokens
    for i in range(5):
        alone = sample(base, prompts[i : i + 1], seeds=seeds[i : i + 1], style=style, config=config).tokens
        assert torch.equal(together[i], alone[0])
    backwards = sample(base, prompts[::-1], seeds=seeds[::-1], style=style, config=config, batch_size=2).tokens
    assert torch.equal(together, backwards.flip(0))
    assert len({tuple(row.tolist()) for row in together}) == 5


def test_every_image_of_a_batch_may_have_its_own_adapter_and_guidance(base: Base) -> None:
    adapters = [Adapter.for_generator(AdapterConfig(bottleneck=size), TINY) for size in (2, 3, 4)]
    for seed, adapter in enumerate(adapters):
        randomized(adapter, seed=seed, std=1.0)
    mixture = Mixture([(adapters[2], 0.5), (adapters[0], 0.5)])
    styles: list[Tuned] = [adapters[0], adapters[1], mixture, adapters[1], adapters[0], Tuned()]
    prompts, seeds = ["a cat", "a dog", "a cat", "a fish", "a cat", "a cat"], [1, 2, 1, 4, 1, 1]
    how = [Guidance(lambda_a=lambda_a) for lambda_a in (2.0, 0.0, 1.0, 0.5, 2.0, 2.0)]
    config = SamplingConfig(steps=5)
    together = sample(base, prompts, seeds=seeds, style=styles, guidance=how, config=config, batch_size=4).tokens
    for i, style in enumerate(styles):
        alone = sample(base, [prompts[i]], seeds=[seeds[i]], style=style, guidance=how[i], config=config).tokens
        assert torch.equal(together[i], alone[0])
    assert not torch.equal(together[0], together[2])
    assert torch.equal(together[0], together[4])
    [without] = sample(base, prompts[5:], seeds=seeds[5:], config=config).tokens
    assert torch.equal(together[5], without)
    with pytest.raises(SamplingError, match="one for each of 6 prompts, got 5"):
        sample(base, prompts, seeds=seeds, style=styles, guidance=how[:5], config=config)


@pytest.mark.parametrize("subject_is_adapter", [True, False])
def test_gamma_goes_from_the_style_alone_to_the_content_alone(base: Base, subject_is_adapter: bool) -> None:
    style = Adapter.for_generator(AdapterConfig(), TINY)
    subject = new_tuned(AdapterConfig(bottleneck=3) if subject_is_adapter else LoRAConfig(), base.generator)
    randomized(style, seed=1, std=0.7)
    randomized(subject, seed=2, std=0.7)
    prompts, bare, seeds = ["a vase in stripes", "a vase in stripes"], ["a vase", "a vase"], [1, 2]
    config = SamplingConfig(steps=5)

    def both(gamma: float) -> Tensor:
        return sample(
            base,
            prompts,
            seeds=seeds,
            style=style,
            content=subject,
            content_prompts=bare,
            guidance=Guidance(gamma=gamma),
            config=config,
        ).tokens

    assert torch.equal(both(0.0), sample(base, prompts, seeds=seeds, style=style, config=config).tokens)
    assert torch.equal(both(1.0), sample(base, bare, seeds=seeds, style=subject, config=config).tokens)
    assert len({tuple(both(gamma).flatten().tolist()) for gamma in (0.0, 0.5, 1.0)}) == 3


def test_adapters_that_do_not_fit_the_prompts_are_refused(base: Base) -> None:
    style = Adapter.for_generator(AdapterConfig(), TINY)
    with pytest.raises(SamplingError, match="one for each of 1 prompts, got 2"):
        sample(base, ["a cat"], seeds=[1], style=[style, style])
    with pytest.raises(SamplingError, match="expected a style with the content"):
        sample(base, ["a cat"], seeds=[1], content=style, content_prompts=["a cat"])
    with pytest.raises(SamplingError, match="expected 1 content_prompts, got 0"):
        sample(base, ["a cat"], seeds=[1], style=style, content=style)
    with pytest.raises(SamplingError, match="content prompt at position 0, got ' '"):
        sample(base, ["a cat"], seeds=[1], style=style, content=style, content_prompts=[" "])


def test_sample_gives_tokens_with_their_images_and_asks_for_each_text_once(base: Base) -> None:
    done = []
    drawn = sample(
        base,
        ["a cat", "a dog", "a cat"],
        seeds=[1, 2, 3],
        config=SamplingConfig(steps=2),
        batch_size=2,
        negative_prompt="blurry",
        progress=lambda *given: done.append(given),
    )
    assert [(image.size, image.mode) for image in drawn.images] == [((16, 16), "RGB")] * 3
    assert [image.tobytes() for image in base.render(drawn.tokens)] == [image.tobytes() for image in drawn.images]
    assert done == [(2, 3), (3, 3)]
    assert isinstance(base.text, HashedText)
    assert sorted(base.text.asked) == ["a cat", "a dog", "blurry"]


def test_the_negative_prompt_is_conditioned_once_for_all_batches(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []

    def counted(generator: Generator, hidden: Tensor, pooled: Tensor, micro: Tensor) -> Condition:
        rows.append(len(hidden))
        return condition(generator, hidden, pooled, micro)

    condition = Generator.condition
    monkeypatch.setattr(Generator, "condition", counted)
    config = SamplingConfig(steps=1)
    sample(base, ["a cat", "a cat", "a cat", "a dog", "a fish"], seeds=range(5), config=config, batch_size=2)
    assert rows == [1, 1, 2, 1]  # the negative prompt, then each batch's own


def test_prompt_negative_prompt_and_style_all_matter(base: Base) -> None:
    style = Adapter.for_generator(AdapterConfig(), TINY)
    randomized(style, std=1.0)
    config = SamplingConfig(steps=4)
    drawn = [
        sample(base, ["a cat"], seeds=[1], config=config).tokens,
        sample(base, ["a dog"], seeds=[1], config=config).tokens,
        sample(base, ["a cat"], seeds=[2], config=config).tokens,
        sample(base, ["a cat"], seeds=[1], config=config, negative_prompt="a dog").tokens,
        sample(base, ["a cat"], seeds=[1], config=config, style=style).tokens,
        sample(base, ["a cat"], seeds=[1], config=config, style=style, guidance=Guidance(lambda_a=0.0)).tokens,
    ]
    assert len({tuple(tokens[0].tolist()) for tokens in drawn}) == len(drawn)


@pytest.mark.parametrize(
    ("prompts", "seeds", "message"),
    [
        ([], [], "at least one prompt"),
        (["a cat"], [1, 2], "each of 1 prompts, got 2 seeds"),
        (["a cat", " "], [1, 2], "prompt at position 1, got ' '"),
        (["a cat"], [-1], "from 0 to 4294967295, got -1 for prompt 'a cat'"),
        (["a cat"], [2**32], "from 0 to 4294967295, got 4294967296"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    base: Base, prompts: list[str], seeds: list[int], message: str
) -> None:
    with pytest.raises(SamplingError, match=message):
        sample(base, prompts, seeds=seeds)


def test_a_batch_of_nothing_is_refused(base: Base) -> None:
    with pytest.raises(SamplingError, match="batch_size >= 1, got 0"):
        sample(base, ["a cat"], seeds=[1], batch_size=0)


def test_a_decoding_that_cannot_be_done_is_refused() -> None:
    masked = torch.full((1, 4), MASK)
    with pytest.raises(SamplingError, match="steps >= 1, got 0"):
        decode(fixed_logits(1, 4), masked, mask_id=MASK, steps=0, temperature=4.5, noise=noise(0, 4, 0))
    with pytest.raises(SamplingError, match="mask_id 9, got none"):
        decode(fixed_logits(1, 4), masked * 0, mask_id=MASK, steps=1, temperature=4.5, noise=noise(1, 4, 0))
    with pytest.raises(SamplingError, match="one generator for each of 2 images, got 1"):
        NoisePerImage([rng(0)], torch.empty(2, 4), 1)
