"""From style references to a published adapter (StyleDrop, arXiv:2306.00983).

    python -m flows.onboard_style --spec spec.yaml

Started again with the same spec, it goes on from what is finished.
"""

import argparse
import sys
from pathlib import Path

from prefect import flow

from data.documents.spec import StyleSpec, read_spec
from data.records.feedback import FeedbackRecord
from data.records.onboarding import PublishedAdapter
from flows.human_feedback import ask_for_leak_waiver, ask_reviewer, rounds_wanted
from flows.terminal import run_in_terminal
from tasks.onboarding.choose_guidance import choose_guidance
from tasks.onboarding.enlarge import enlarge
from tasks.onboarding.evaluate import compare_rounds, evaluate_round
from tasks.onboarding.keep_candidates import keep_candidates
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.sample_candidates import sample_candidates
from tasks.onboarding.tokenize import tokenize
from tasks.onboarding.tune import tune
from tasks.onboarding.tune_enlarging import tune_enlarging
from tasks.workers import task_runner


@flow(name="onboard-style", persist_result=True, result_serializer="json", task_runner=task_runner())
def onboard_style(spec: StyleSpec) -> PublishedAdapter:
    """Tune an adapter to a style, let feedback choose what later rounds are tuned on, publish it with the evidence."""
    run = prepare(spec)
    adapters = [tune(run, 1, tokenize(run))]
    feedback: list[FeedbackRecord] = []

    rounds = spec.rounds
    while len(adapters) < rounds:
        candidates = sample_candidates(run, adapters[-1])
        decision = ask_reviewer(run, candidates) if spec.has_reviewer else None
        if decision is not None:
            rounds = rounds_wanted(decision, tuned=len(adapters))
        feedback.append(keep_candidates(run, candidates, decision))
        adapters.append(tune(run, len(adapters) + 1, feedback[-1].examples))

    guidance = choose_guidance(run, adapters[-1])
    scores = [evaluate_round(run, adapter, guidance.lambda_a) for adapter in (None, *adapters)]
    evaluation = compare_rounds(run, scores)
    enlarging = enlarge(run, tune_enlarging(run), scores[-1]) if run.large_references else None
    leak_waiver = ask_for_leak_waiver(run, evaluation, feedback)
    return publish(run, adapters, feedback, guidance, evaluation, leak_waiver, enlarging)


def main() -> int:
    """Run the flow in this terminal."""
    parser = argparse.ArgumentParser(prog="python -m flows.onboard_style", description=onboard_style.description)
    parser.add_argument("--spec", type=Path, required=True, help="YAML or JSON, see data/documents/spec.py")
    arguments = parser.parse_args()
    return run_in_terminal(lambda: onboard_style(read_spec(arguments.spec)).uri)


if __name__ == "__main__":
    sys.exit(main())
