"""Images for prompts or of a published subject, in published styles or from the bare base.

    styledrop-generate --request request.yaml

Started again with the same request, it goes on with the images that are missing.
"""

from prefect import flow

from data.documents.requests import GenerateRequest, read_request
from flows.terminal import run_document
from tasks.published.choose_gamma import choose_gamma
from tasks.published.generate import GeneratedImages, generate_images, prepare_images
from tasks.workers import task_runner


@flow(name="generate", persist_result=True, result_serializer="json", task_runner=task_runner())
def generate(request: GenerateRequest) -> GeneratedImages:
    """Draw images of prompts; put them into the store as PNGs, a table and a contact sheet."""
    return generate_images(choose_gamma(prepare_images(request)))


def main() -> int:
    """Run the flow in this terminal."""
    return run_document(generate, "request", lambda file: generate(read_request(file, GenerateRequest)).uri)
