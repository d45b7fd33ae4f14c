from pathlib import Path

import pytest
from PIL import Image

from bench.kept_looks import KeptLook, content_of_unseen, gains, gains_over, load_figures, means, save_figures
from data.corpus.looks import Look
from tests.bench.test_base_quality import tiny_judge


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


def test_unseen_icons_are_those_of_concepts_that_the_judge_knows() -> None:
    judge, icon = tiny_judge(), Image.new("RGB", (16, 16), "navy")
    [seen] = judge.classify([icon]).concepts
    other = next(concept for concept in judge.config.concepts if concept != seen)
    kept = KeptLook(
        look=Look(style="tabler"),
        words="in navy style",
        content="car",
        reference=icon,
        true_icons=[icon],
        unseen=[(icon, seen), (icon, seen), (icon, other), (icon, "no concept of the judge's")],
    )
    assert content_of_unseen(judge, [kept]) == (pytest.approx(2 / 3), 3)
