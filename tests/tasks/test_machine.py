"""What a run asks of its machine is a setting of the process, and a bad one is named."""

import pytest
import torch

from data.errors import SpecError
from tasks import machine


def test_what_is_said_is_taken_and_what_is_not_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STYLEDROP_DTYPE", "STYLEDROP_AT_ONCE"):
        monkeypatch.delenv(name, raising=False)
    assert (machine.dtype(None), machine.at_once()) == (torch.float32, None)
    assert machine.dtype("float16") == torch.float16  # the base's card says it
    monkeypatch.setenv("STYLEDROP_DTYPE", "bfloat16")
    assert machine.dtype("float16") == torch.bfloat16
    monkeypatch.setenv("STYLEDROP_AT_ONCE", " 2 ")
    assert (machine.dtype(None), machine.at_once()) == (torch.bfloat16, 2)


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_an_accelerator_runs_in_bfloat16_if_it_multiplies_in_it(
    has_bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STYLEDROP_DTYPE", raising=False)
    monkeypatch.setattr(machine, "device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16)
    assert machine.dtype(None) == (torch.bfloat16 if has_bfloat16 else torch.float32)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DTYPE", "half"),
        ("DTYPE", "float64"),
        ("AT_ONCE", "0"),
        ("AT_ONCE", "-1"),
        ("AT_ONCE", "many"),
        ("AT_ONCE", "²"),
    ],
)
def test_a_setting_that_means_nothing_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"STYLEDROP_{variable}", value)
    with pytest.raises(SpecError, match=f"^STYLEDROP_{variable}: expected .* got '{value}'"):
        machine.dtype(None) if variable == "DTYPE" else machine.at_once()
