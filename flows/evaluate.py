"""Text and Style score of a published style and of its base: the same prompts, the same seeds.

    styledrop-evaluate --request request.yaml

Started again with the same request, it goes on with the images that are missing.
"""

from prefect import flow

from data.documents.requests import EvaluateRequest, read_request
from flows.terminal import run_document
from tasks.published.evaluate import EvaluatedStyle, prepare_scores, report_scores, score_published
from tasks.workers import task_runner


@flow(name="evaluate", persist_result=True, result_serializer="json", task_runner=task_runner())
def evaluate(request: EvaluateRequest) -> EvaluatedStyle:
    """Score a published style beside its base; put a report with pictures, and all images, into the store."""
    wanted = prepare_scores(request)
    return report_scores(wanted, [score_published(wanted, round_number) for round_number in (0, wanted.rounds)])


def main() -> int:
    """Run the flow in this terminal."""
    return run_document(evaluate, "request", lambda file: evaluate(read_request(file, EvaluateRequest)).uri)
