import pytest

from bench.later_rounds import report


def test_every_round_is_compared_with_the_same_one_look_by_look(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {("round_1", 1.0): [{"text": 0.1}, {"text": 0.9}], ("weak", 3.0): [{"text": 0.3}, {"text": 1.0}]}
    report(figures, ("round_1", 1.0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["round_1 λ_B 1: text 0.500", "weak λ_B 3: text 0.650"]
    assert "weak λ_B 3 over round_1 λ_B 1: text +0.150 ± 0.050" in lines
