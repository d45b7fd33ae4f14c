import pytest
import torch
from torch import Tensor

from styledrop.adapters import Adapter
from styledrop.config.sampling import Guidance
from styledrop.config.tuning import AdapterConfig
from styledrop.generator import Condition, Generator
from styledrop.guidance import Conditioned, Content, guided
from tests.model.conftest import TINY, condition_of, randomized, rng

TOKENS = torch.randint(0, 20, (3, 16), generator=rng(1))


class Counted(Generator):
    """Notes the rows of each call."""

    rows: list[int]

    def forward(self, tokens: Tensor, condition: Condition, adapt: object = None) -> Tensor:
        self.rows.append(len(tokens))
        return super().forward(tokens, condition, adapt)


@pytest.fixture
def counted() -> Counted:
    made = Counted(TINY)
    randomized(made)
    made.rows = []
    return made


@pytest.fixture
def style() -> Adapter:
    made = Adapter.for_generator(AdapterConfig(bottleneck=3), TINY)
    randomized(made)
    return made


def conditioned(generator: Generator, seed: int, style: Adapter | None = None) -> Conditioned:
    return Conditioned(
        generator=generator,
        condition=condition_of(generator, 3, seed=seed),
        adapt=None if style is None else style.adapt,
    )


@pytest.mark.parametrize(
    ("lambda_a", "lambda_b", "num_passes"), [(2.0, 5.0, 3), (0.0, 5.0, 3), (1.0, 0.0, 2), (3.0, 3.0, 2), (0.0, 0.0, 1)]
)
def test_style_guidance_is_equation_4(
    counted: Counted, style: Adapter, lambda_a: float, lambda_b: float, num_passes: int
) -> None:
    prompts, negatives = condition_of(counted, 3, seed=1), condition_of(counted, 3, seed=2)
    adapted = counted(TOKENS, prompts, style.adapt)
    plain, negative = counted(TOKENS, prompts), counted(TOKENS, negatives)
    counted.rows.clear()
    guidance = Guidance(lambda_a=lambda_a, lambda_b=lambda_b)
    logits = guided(
        conditioned(counted, 1), conditioned(counted, 2), style=conditioned(counted, 1, style), guidance=guidance
    )(TOKENS)
    torch.testing.assert_close(
        logits, adapted + lambda_a * (adapted - plain) + lambda_b * (plain - negative), rtol=1e-4, atol=1e-4
    )
    assert counted.rows == [3 * num_passes]  # one batch, without the passes that have no weight


@pytest.mark.parametrize(("lambda_b", "num_passes"), [(5.0, 2), (0.0, 1)])
def test_without_an_adapter_it_is_equation_1(counted: Counted, lambda_b: float, num_passes: int) -> None:
    prompts, negatives = condition_of(counted, 3, seed=1), condition_of(counted, 3, seed=2)
    plain, negative = counted(TOKENS, prompts), counted(TOKENS, negatives)
    counted.rows.clear()
    logits = guided(conditioned(counted, 1), conditioned(counted, 2), guidance=Guidance(lambda_b=lambda_b))(TOKENS)
    torch.testing.assert_close(logits, plain + lambda_b * (plain - negative), rtol=1e-4, atol=1e-4)
    # The usual scale g of u + g (c - u) is one more than Muse's lambda.
    torch.testing.assert_close(logits, negative + (1 + lambda_b) * (plain - negative), rtol=1e-4, atol=1e-4)
    assert counted.rows == [3 * num_passes]


def test_whole_numbers_guide_as_floats_do(counted: Counted, style: Adapter) -> None:
    plain, negative, styled = conditioned(counted, 1), conditioned(counted, 2), conditioned(counted, 1, style)
    whole = Guidance(lambda_a=1.0, lambda_b=3.0)
    expected = guided(plain, negative, style=styled, guidance=whole)(TOKENS)
    for name, value in (("lambda_a", 1), ("lambda_b", 3)):  # the tests' type checks let no int into the constructor
        object.__setattr__(whole, name, value)
    assert torch.equal(guided(plain, negative, style=styled, guidance=whole)(TOKENS), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
def test_style_and_content_are_equations_5_and_6(counted: Counted, style: Adapter, gamma: float) -> None:
    subject = Adapter.for_generator(AdapterConfig(bottleneck=3), TINY)
    randomized(subject, seed=7)
    guidance = Guidance(lambda_a=2.0, lambda_content=1.0, lambda_b=5.0, gamma=gamma)
    plain, bare, negative = conditioned(counted, 1), conditioned(counted, 3), conditioned(counted, 2)
    styled, tuned = conditioned(counted, 1, style), conditioned(counted, 3, subject)
    of_style = guided(plain, negative, style=styled, guidance=guidance)(TOKENS)
    of_content = guided(bare, negative, style=tuned, guidance=Guidance(lambda_a=1.0, lambda_b=5.0))(TOKENS)
    counted.rows.clear()
    logits = guided(plain, negative, style=styled, content=Content(tuned=tuned, plain=bare), guidance=guidance)(TOKENS)
    assert counted.rows == [3 * (5 if 0 < gamma < 1 else 3)]  # the negative prompt's pass serves both
    if gamma in (0.0, 1.0):
        assert torch.equal(logits, of_content if gamma else of_style)
    torch.testing.assert_close(logits, (1 - gamma) * of_style + gamma * of_content, rtol=1e-4, atol=1e-4)


def test_models_of_other_weights_run_in_a_batch_of_their_own(counted: Counted) -> None:
    other = Generator(TINY)
    randomized(other, seed=9)
    guidance = Guidance(lambda_a=2.0, lambda_b=5.0)
    prompts, negatives = condition_of(counted, 3, seed=1), condition_of(counted, 3, seed=2)
    tuned, plain, negative = (
        other(TOKENS, condition_of(other, 3, seed=1)),
        counted(TOKENS, prompts),
        counted(TOKENS, negatives),
    )
    counted.rows.clear()
    logits = guided(conditioned(counted, 1), conditioned(counted, 2), style=conditioned(other, 1), guidance=guidance)(
        TOKENS
    )
    torch.testing.assert_close(logits, tuned + 2 * (tuned - plain) + 5 * (plain - negative), rtol=1e-4, atol=1e-4)
    assert counted.rows == [6]
