import pytest

from data.records.scores import Verdict


@pytest.mark.parametrize(
    ("text_gains", "style_gains", "label"),
    [
        ([0.0, 0.01, -0.01], [0.1, 0.11, 0.12], "learnt"),
        ([0.1, 0.1, 0.1], [0.1, 0.11, 0.12], "learnt"),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], "not learnt"),  # nothing changed
        ([0.0, 0.0, 0.0], [0.3, -0.2, 0.1], "not learnt"),  # by chance
        ([0.0, 0.0, 0.0], [-0.1, -0.11, -0.12], "not learnt"),
        ([-0.1, -0.11, -0.12], [0.1, 0.11, 0.12], "not learnt"),  # Text is lost
        ([-0.1, 0.1, -0.05], [0.1, 0.11, 0.12], "learnt"),  # a loss no larger than chance
        ([0.0], [0.5], "not learnt"),  # of one image nothing can be said
    ],
)
def test_a_style_is_learnt_if_style_rose_by_more_than_chance_and_text_is_not_lost(
    text_gains: list[float], style_gains: list[float], label: str
) -> None:
    verdict = Verdict.of(text_gains, style_gains)
    assert verdict.label == label
    assert verdict.in_words.startswith(f"{label}: Style {verdict.style.mean:+.3f} ± ")
