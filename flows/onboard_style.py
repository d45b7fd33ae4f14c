"""From references to a published adapter: of a style, or of one thing that is to be drawn in styles.

Styles as in StyleDrop (arXiv:2306.00983), subjects as in DreamBooth (arXiv:2208.12242).

    styledrop-onboard-style --spec spec.yaml
    styledrop-onboard-subject --spec subject.yaml

Started again with the same spec, it goes on from what is finished.
"""

import sys

from prefect import flow

from data.documents.spec import read_spec
from data.documents.style_spec import StyleSpec
from data.documents.subject_spec import SubjectSpec
from data.records.feedback import FeedbackRecord
from data.records.onboarding import PublishedAdapter, Run
from flows.human_feedback import ask_for_phrases, ask_for_waiver, ask_reviewer, rounds_wanted
from flows.terminal import run_document
from tasks.alone import alone
from tasks.onboarding.choose_guidance import choose_guidance
from tasks.onboarding.enlarge import enlarge
from tasks.onboarding.evaluate import compare_rounds, evaluate_round
from tasks.onboarding.keep_candidates import keep_candidates
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.rebuild import compare_with_old, recorded_picks
from tasks.onboarding.sample_candidates import sample_candidates
from tasks.onboarding.tune import tokenize, tune, tune_enlarging
from tasks.resuming import run_lock
from tasks.workers import task_runner


@flow(name="onboard-style", persist_result=True, result_serializer="json", task_runner=task_runner())
def onboard_style(spec: StyleSpec) -> PublishedAdapter:
    """Tune an adapter to a style, let feedback choose what later rounds are tuned on, publish it with the evidence."""
    return _onboard(spec)


@flow(name="onboard-subject", persist_result=True, result_serializer="json", task_runner=task_runner())
def onboard_subject(spec: SubjectSpec) -> PublishedAdapter:
    """Tune an adapter to a subject under its rare token, and publish it with the evidence."""
    return _onboard(spec)


def _onboard(spec: StyleSpec | SubjectSpec) -> PublishedAdapter:
    run = prepare(spec)
    if spec.phrases_left_out:
        run = prepare(spec, ask_for_phrases(run))
    # Two processes at the same run would share its folder, and the first to end would remove it.
    with alone(run_lock(run), f"run {run.key} of {run.spec.name!r}"):
        return _rounds(run)


def _rounds(run: Run) -> PublishedAdapter:
    spec = run.spec
    adapters = [tune(run, 1, tokenize(run))]
    feedback: list[FeedbackRecord] = []

    recorded = recorded_picks(run)
    rounds = 1 + len(recorded) if recorded else spec.rounds
    while len(adapters) < rounds:
        if recorded:
            feedback.append(recorded[len(feedback)])
        else:
            candidates = sample_candidates(run, adapters[-1])
            decision = ask_reviewer(run, candidates) if spec.has_reviewer else None
            if decision is not None:
                rounds = rounds_wanted(decision, tuned=len(adapters))
            feedback.append(keep_candidates(run, candidates, decision))
        adapters.append(tune(run, len(adapters) + 1, feedback[-1].examples))

    guidance = choose_guidance(run, adapters[-1])
    scores = [evaluate_round(run, adapter, guidance.lambda_a) for adapter in (None, *adapters)]
    evaluation = compare_rounds(run, scores)
    if run.rebuilds:
        evaluation = compare_with_old(run, evaluation)
    enlarging = enlarge(run, tune_enlarging(run), scores[-1]) if run.large_references else None
    waiver = ask_for_waiver(run, evaluation)
    return publish(run, adapters, feedback, guidance, evaluation, waiver, enlarging)


def main() -> int:
    """Run the flow of a style in this terminal."""
    return run_document(onboard_style, "spec", lambda file: onboard_style(read_spec(file, StyleSpec)).uri)


def subject_main() -> int:
    """Run the flow of a subject in this terminal."""
    return run_document(onboard_subject, "spec", lambda file: onboard_subject(read_spec(file, SubjectSpec)).uri)


# The other flows are started by their console commands alone. `make demo`, tests and benches start this one in a
# checkout that may not be the installed one.
if __name__ == "__main__":
    sys.exit(main())
