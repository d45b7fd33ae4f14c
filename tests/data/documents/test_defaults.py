import re
from pathlib import Path

import pytest

from data.documents import defaults

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("path", ["README.md", "model/README.md"])
def test_the_examples_tune_and_draw_with_the_defaults(path: str) -> None:
    words = (REPOSITORY / path).read_text(encoding="utf-8")
    for name, value in {
        "learning_rate": {defaults.OF_EMBEDDED.first_round.learning_rate},
        "lambda_a": {defaults.OF_EMBEDDED.guidance.lambda_a},
        "lambda_b": {defaults.OF_EMBEDDED.guidance.lambda_b},
        "token_temperature": {defaults.OF_EMBEDDED.sampling.token_temperature},
        "steps": {defaults.OF_EMBEDDED.first_round.steps, defaults.OF_EMBEDDED.sampling.steps},
    }.items():
        assert {float(number) for number in re.findall(rf"\b{name}=([\d.e-]+)", words)} == value, name
