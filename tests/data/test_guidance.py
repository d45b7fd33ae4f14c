from data.guidance import best_lambda_a
from data.records import Leak, Score, TriedLambdaA


def tried(lambda_a: float, text: float, leak: float | None = 0.0, error: float = 0.02) -> TriedLambdaA:
    return TriedLambdaA(
        lambda_a=lambda_a,
        text=Score(mean=text, standard_error=error),
        style=Score(mean=0.5, standard_error=error),
        leak=None if leak is None else Leak(score=Score(mean=leak, standard_error=error), threshold=0.1),
    )


def test_the_largest_is_taken_that_costs_no_more_text_than_chance() -> None:
    assert best_lambda_a([tried(0, 0.29), tried(0.5, 0.30), tried(1, 0.281), tried(2, 0.279)]) == 1
    assert best_lambda_a([tried(0, 0.30), tried(0.5, 0.27), tried(1, 0.29), tried(2, 0.27)]) == 1
    assert best_lambda_a([tried(0, 0.20), tried(0.5, 0.22), tried(1, 0.25), tried(2, 0.30, None)]) == 2


def test_what_leaks_is_not_taken_however_good_its_text() -> None:
    assert best_lambda_a([tried(0, 0.29), tried(0.5, 0.30, 0.1), tried(1, 0.40, 0.11), tried(2, 0.30, 0.2)]) == 0.5


def test_if_all_leak_the_smallest_is_taken() -> None:
    assert best_lambda_a([tried(0.5, 0.3, 0.2), tried(0, 0.2, 0.3), tried(2, 0.4, 0.9)]) == 0
