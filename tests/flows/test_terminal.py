import logging

import pytest

from data.errors import SpecError
from flows.terminal import run_in_terminal


def test_a_result_is_its_address_and_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("prefect"), "propagate", True)

    def mistaken() -> str:
        raise SpecError("expected a name, got none")

    assert run_in_terminal(lambda: "file:///store/styles/disc") == 0
    assert run_in_terminal(mistaken) == 1
    assert capsys.readouterr() == ("file:///store/styles/disc\n", "SpecError: expected a name, got none\n")
