"""The Prefect artifacts of an onboarding: their keys, and links from each to the others.

They belong to the style: what a run was served as finished was shown by the run that made it.
"""

from data.records.onboarding import Run
from tasks.reporting import artifact_link


def trail(run: Run, rounds: int) -> str:
    """Links to all artifacts of an onboarding with `rounds` rounds, in the order in which they come."""
    links: list[str] = []
    for number in range(1, rounds + 1):
        links.append(artifact_link(f"tuning {number}", tuning_key(run, number)))
        if number < rounds:
            of_round = candidates_key if run.spec.has_reviewer else sampling_key
            links.append(artifact_link(f"candidates {number}", of_round(run, number)))
    if run.spec.evaluation_sampling.lambda_a is None:
        links.append(artifact_link("guidance", guidance_key(run)))
    folder = f"{run.store}/{run.folder}/evaluation"
    links.append(artifact_link("scores", scores_key(run), folder))
    links.append(artifact_link("contact sheet", sheet_key(run), folder))
    if run.rebuilds:
        links.append(artifact_link("old and new", old_and_new_key(run), folder))
    if run.large_references:
        links.append(artifact_link("enlarged", enlarging_key(run), f"{run.store}/{run.folder}/enlarging"))
    links.append(artifact_link("card", card_key(run), f"{run.store}/styles/{run.spec.name}/current.json"))
    return " → ".join(links)


def tuning_key(run: Run, round_number: int) -> str:
    """Of the progress of a round's tuning."""
    return f"tuning-{run.place_key}-round-{round_number}"


def sampling_key(run: Run, round_number: int) -> str:
    """Of the progress of a round's candidates."""
    return f"sampling-{run.place_key}-round-{round_number}"


def candidates_key(run: Run, round_number: int) -> str:
    """Of the candidates that a reviewer is shown."""
    return f"candidates-{run.place_key}-round-{round_number}"


def leak_key(run: Run) -> str:
    """Of the progress of what the base draws, to compare candidates with."""
    return f"leak-{run.place_key}"


def guidance_key(run: Run) -> str:
    """Of the sweep over λ_A."""
    return f"guidance-{run.place_key}"


def scores_key(run: Run) -> str:
    """Of the table of scores."""
    return f"scores-{run.place_key}"


def sheet_key(run: Run) -> str:
    """Of the contact sheet of reference, base and rounds."""
    return f"rounds-{run.place_key}"


def old_and_new_key(run: Run) -> str:
    """Of the version that is made anew beside the new one."""
    return f"old-and-new-{run.key}"


def enlarging_key(run: Run) -> str:
    """Of the last round's images at twice their size."""
    return f"enlarging-{run.place_key}"


def card_key(run: Run) -> str:
    """Of the published card."""
    return f"card-{run.place_key}"
