"""From images of one thing to a published adapter (DreamBooth, arXiv:2208.12242), to be drawn in styles.

    styledrop-onboard-subject --spec subject.yaml

Started again with the same spec, it goes on from what is finished.
"""

from prefect import flow

from data.documents.spec import read_spec
from data.documents.subject_spec import SubjectSpec
from data.records.onboarding import PublishedAdapter
from flows.onboarding import onboard
from flows.terminal import run_document
from tasks.workers import task_runner


@flow(name="onboard-subject", persist_result=True, result_serializer="json", task_runner=task_runner())
def onboard_subject(spec: SubjectSpec) -> PublishedAdapter:
    """Tune an adapter to a subject under its rare token, and publish it with the evidence."""
    return onboard(spec)


def main() -> int:
    """Run the flow in this terminal."""
    return run_document(onboard_subject, "spec", lambda file: onboard_subject(read_spec(file, SubjectSpec)).uri)
