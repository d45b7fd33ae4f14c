"""Images for prompts, in a published style or from the bare base.

    python -m flows.generate --request request.yaml

Started again with the same request, it goes on with the images that are missing.
"""

import argparse
import logging
import sys
from pathlib import Path

from prefect import flow

from data.errors import PipelineError
from data.requests import GenerateRequest, read_request
from tasks.generate import GeneratedImages, generate_images, prepare_images
from tasks.spread import task_runner


@flow(name="generate", persist_result=True, result_serializer="json", task_runner=task_runner())
def generate(request: GenerateRequest) -> GeneratedImages:
    """Draw images of prompts; put them into the store as PNGs, a table and a contact sheet."""
    return generate_images(prepare_images(request))


def main() -> int:
    """Run the flow in this terminal; a mistake in the request is one line and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m flows.generate", description=generate.description)
    parser.add_argument("--request", type=Path, required=True, help="YAML or JSON, see data/requests.py")
    arguments = parser.parse_args()
    # The tasks' own lines say what goes on; Prefect's log still reaches its server.
    logging.getLogger("prefect").propagate = False
    try:
        generated = generate(read_request(arguments.request, GenerateRequest))
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(generated.uri)
    return 0


if __name__ == "__main__":
    sys.exit(main())
