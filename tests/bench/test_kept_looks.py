from pathlib import Path

import pytest

from bench.kept_looks import gains, gains_over, load_figures, means, save_figures


def test_what_a_lambda_b_gains_is_paired_look_by_look() -> None:
    figures = {
        ("untuned", 1.0): [{"content": 0.1}, {"content": 0.9}],
        ("untuned", 5.0): [{"content": 0.3}, {"content": 1.0}],
    }
    assert means(figures)["untuned λ_B 1"] == {"content": 0.5, "content_se": 0.4}
    assert gains(figures, 1.0) == ["untuned λ_B 5 over λ_B 1: content +0.150 ± 0.050"]


def test_what_a_method_gains_over_another_is_paired_look_by_look(tmp_path: Path) -> None:
    save_figures({("λ_A 0", 1.0): [{"style": 0.1}, {"style": 0.9}], ("λ_A 9", 1.0): []}, tmp_path / "adapter.json")
    adapter = load_figures(tmp_path / "adapter.json")
    lora = {("λ_A 0", 1.0): [{"style": 0.3}, {"style": 1.0}], ("λ_A 1", 1.0): [{"style": 0.0}, {"style": 0.0}]}
    assert gains_over(lora, adapter) == ["λ_A 0 λ_B 1 over the other's: style +0.150 ± 0.050"]
    with pytest.raises(ValueError, match="longer"):
        gains_over({("λ_A 0", 1.0): [{"style": 0.3}]}, adapter)
