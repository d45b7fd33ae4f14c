from data.records.scores import Leak, TriedLambdaA
from data.records.version import Score
from tasks.onboarding.choose_guidance import best_lambda_a


def tried(lambda_a: float, *texts: float, leak: float | None = 0.0, style: float | None = None) -> TriedLambdaA:
    """With a Style that grows with λ_A, unless another is given."""
    return TriedLambdaA(
        lambda_a=lambda_a,
        text=Score.of(texts),
        style=Score(mean=lambda_a / 10 if style is None else style, standard_error=0.02),
        leak=None if leak is None else Leak(score=Score(mean=leak, standard_error=0.02), threshold=0.1),
        text_of_images=texts,
    )


def test_more_is_not_taken_where_it_does_not_bring_more_of_the_style() -> None:
    texts = (0.3, 0.3)
    assert best_lambda_a([tried(0, *texts), tried(0.25, *texts, style=0.31), tried(1, *texts, style=0.29)]) == 0.25


def test_of_those_that_cost_no_more_text_than_chance_the_best_in_style_is_taken() -> None:
    best = tried(0, 0.30, 0.30, 0.30)
    by_chance, lost = tried(0.5, 0.34, 0.28, 0.25), tried(1, 0.29, 0.28, 0.27)  # means of 0.29 and 0.28
    assert best_lambda_a([best, by_chance, lost]) == 0.5
    assert best_lambda_a([tried(0, 0.2, 0.2), tried(0.5, 0.3, 0.3), tried(1, 0.3, 0.3)]) == 1
    assert best_lambda_a([tried(0, 0.2, 0.2), tried(0.5, 0.25, 0.25), tried(1, 0.3, 0.3, leak=None)]) == 1


def test_a_loss_that_every_image_has_is_seen_however_much_prompts_differ() -> None:
    texts = (0.1, 0.5, 0.3, 0.7)
    lost = tried(1, *(text - loss for text, loss in zip(texts, (0.03, 0.02, 0.02, 0.03), strict=True)))
    assert Score.of(texts).standard_error > 0.1
    assert best_lambda_a([tried(0.5, *texts), lost]) == 0.5


def test_what_leaks_is_not_taken_however_good_its_text() -> None:
    some, more = (0.29, 0.31), (0.4, 0.4)
    assert best_lambda_a([tried(0, *some), tried(0.5, *some, leak=0.1), tried(1, *more, leak=0.11)]) == 0.5


def test_if_all_leak_the_smallest_is_taken() -> None:
    assert best_lambda_a([tried(0.5, 0.3, leak=0.2), tried(0, 0.2, leak=0.3), tried(2, 0.4, leak=0.9)]) == 0
