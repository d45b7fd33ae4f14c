import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from styledrop.config.sampling import Guidance, SamplingConfig
from styledrop.config.settings import Settings
from styledrop.config.tuning import AdapterConfig, AdapterTuning, LoRAConfig, SoftPromptConfig


def test_the_defaults_are_the_papers() -> None:
    tuning, sampling, guidance = AdapterTuning(), SamplingConfig(), Guidance()
    assert (tuning.steps, tuning.learning_rate, tuning.batch_size) == (1000, 3e-5, 8)
    assert (tuning.bottleneck, tuning.share_across_layers) == (4, True)
    assert (sampling.steps, sampling.temperature, sampling.token_temperature) == (36, 4.5, 1.0)
    assert (guidance.lambda_a, guidance.lambda_b) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (AdapterTuning, "steps", 0),
        (AdapterTuning, "batch_size", 0),
        (AdapterTuning, "learning_rate", 0.0),
        (AdapterTuning, "num_steps", 5),
        (AdapterConfig, "bottleneck", 0),
        (AdapterConfig, "bottleneck", 2.5),
        (LoRAConfig, "rank", 0),
        (LoRAConfig, "alpha", float("inf")),
        (SoftPromptConfig, "num_vectors", 0),
        (SamplingConfig, "steps", 0),
        (SamplingConfig, "token_temperature", 0.0),
        (SamplingConfig, "temperature", (2.0, -1.0)),
        (Guidance, "lambda_b", float("nan")),
        (Guidance, "gamma", 1.5),
    ],
)
def test_settings_that_cannot_be_met_are_refused_by_name(kind: type[Settings], field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        kind(**{field: value})


def test_settings_can_be_read_without_torch() -> None:
    code = "import sys, data.documents.spec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
