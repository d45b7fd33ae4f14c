import re
from pathlib import Path

import pytest

from data.documents import defaults

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("path", ["README.md", "model/README.md"])
def test_the_examples_tune_and_draw_with_the_defaults(path: str) -> None:
    words = (REPOSITORY / path).read_text(encoding="utf-8")
    for name, value in {
        "num_steps": defaults.FIRST_ROUND_STEPS,
        "learning_rate": defaults.FIRST_ROUND_LEARNING_RATE,
        "lambda_a": defaults.LAMBDA_A,
        "lambda_b": defaults.LAMBDA_B,
        "token_temperature": defaults.TOKEN_TEMPERATURE,
        "steps": defaults.SAMPLING_STEPS,
    }.items():
        assert {float(number) for number in re.findall(rf"\b{name}=([\d.e-]+)", words)} == {value}, name
