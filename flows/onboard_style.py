"""From style references to a published adapter (StyleDrop, arXiv:2306.00983).

    styledrop-onboard-style --spec spec.yaml

Started again with the same spec, it goes on from what is finished.
"""

import sys

from prefect import flow

from data.documents.spec import read_spec
from data.documents.style_spec import StyleSpec
from data.records.onboarding import PublishedAdapter
from flows.onboarding import onboard
from flows.terminal import run_document
from tasks.workers import task_runner


@flow(name="onboard-style", persist_result=True, result_serializer="json", task_runner=task_runner())
def onboard_style(spec: StyleSpec) -> PublishedAdapter:
    """Tune an adapter to a style, let feedback choose what later rounds are tuned on, publish it with the evidence."""
    return onboard(spec)


def main() -> int:
    """Run the flow in this terminal."""
    return run_document(onboard_style, "spec", lambda file: onboard_style(read_spec(file, StyleSpec)).uri)


if __name__ == "__main__":
    sys.exit(main())
