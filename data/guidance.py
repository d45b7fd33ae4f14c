"""How far towards a style its images are drawn: λ_A, chosen once for each style.

A larger λ_A shows more of the style, and at some point the reference instead of what was asked for, or broken images
that show neither. So of those that lose nothing the one is taken whose images have the best Style score. A λ_A loses
nothing if its leak (`styledrop.leak`) is not above the threshold, and its Text score is below the best of those that do
not leak by no more than chance. Every λ_A draws the same prompts from the same seeds, so chance is the standard error
of what each image loses: a loss that all of them have is not hidden by how much prompts differ. λ_B stays what the spec
says.
"""

from collections.abc import Sequence

from data.records.run import Score, TriedLambdaA

LAMBDAS_A = (0.0, 0.25, 0.5, 1.0)
"""What is tried. The paper goes up to 2, which breaks images of the embedded base up (docs/log.md)."""

PROMPTS = 8
"""Of the candidates' prompts, so never of the evaluation's."""

IMAGES_PER_PROMPT = 2


def best_lambda_a(tried: Sequence[TriedLambdaA]) -> float:
    """The λ_A of the best Style score that loses nothing (see above); if all leak, the smallest."""
    clean = [one for one in tried if one.leak is None or not one.leak.is_high]
    if not clean:
        return min(one.lambda_a for one in tried)
    best = max(clean, key=lambda one: one.text.mean)
    return max((one for one in clean if _is_as_good(one, best)), key=lambda one: one.style.mean).lambda_a


def _is_as_good(one: TriedLambdaA, best: TriedLambdaA) -> bool:
    loss = Score.of([of_best - text for of_best, text in zip(best.text_of_images, one.text_of_images, strict=True)])
    return loss.mean <= loss.standard_error
