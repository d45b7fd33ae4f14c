"""The Prefect artifacts of an onboarding: their keys, and links from each to the others.

Keys name the style, not the run: where a run is served a finished result, its link leads to what the run has shown
that made it.

    tuning, candidates, sampling   of a round: the tuning's progress, what a reviewer is shown, the sampling's progress
    guidance, scores, rounds       the sweep over λ_A, the table of scores, the contact sheet of base and rounds
    leak                           the progress of what the base draws, to compare candidates with
    old-and-new                    a version that is made anew beside the new one
    enlarging, card                the last round's images at twice their size, and the published card
"""

from data.records.onboarding import Run
from tasks.reporting import artifact_link


def trail(run: Run, rounds: int) -> str:
    """Links to all artifacts of an onboarding with `rounds` rounds, in the order in which they come."""
    links: list[str] = []
    for number in range(1, rounds + 1):
        links.append(artifact_link(f"tuning {number}", artifact_key(run, "tuning", number)))
        if number < rounds:
            of_round = artifact_key(run, "candidates" if run.spec.has_reviewer else "sampling", number)
            links.append(artifact_link(f"candidates {number}", of_round))
    if run.spec.evaluation_sampling.lambda_a is None:
        links.append(artifact_link("guidance", artifact_key(run, "guidance")))
    folder = f"{run.store}/{run.folder}/evaluation"
    links.append(artifact_link("scores", artifact_key(run, "scores"), folder))
    links.append(artifact_link("contact sheet", artifact_key(run, "rounds"), folder))
    if run.rebuilds:
        links.append(artifact_link("old and new", artifact_key(run, "old-and-new"), folder))
    if run.large_references:
        links.append(artifact_link("enlarged", artifact_key(run, "enlarging"), f"{run.store}/{run.folder}/enlarging"))
    links.append(artifact_link("card", artifact_key(run, "card"), f"{run.store}/styles/{run.spec.name}/current.json"))
    return " → ".join(links)


def artifact_key(run: Run, name: str, round_number: int = 0) -> str:
    """The key of the artifact `name` (see above) of the style, or of one of its rounds."""
    return f"{name}-{run.place_key}{f'-round-{round_number}' if round_number else ''}"
