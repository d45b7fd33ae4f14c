from bench.kept_looks import gains, means


def test_what_a_lambda_b_gains_is_paired_look_by_look() -> None:
    figures = {
        ("untuned", 1.0): [{"content": 0.1}, {"content": 0.9}],
        ("untuned", 5.0): [{"content": 0.3}, {"content": 1.0}],
    }
    assert means(figures)["untuned λ_B 1"] == {"content": 0.5, "content_se": 0.4}
    assert gains(figures, 1.0) == ["untuned λ_B 5 over λ_B 1: content +0.150 ± 0.050"]
