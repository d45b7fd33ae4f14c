"""Ask raters, and count what they say.

    styledrop-rate serve --study study.yaml    the page, on http://127.0.0.1:8421, until interrupted
    styledrop-rate table ANSWERS [ANSWERS …]   majority votes and shares; the last line is JSON

See docs/raters.md. Credentials of stores come from the environment, as for the flows.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from data.documents.requests import read_request
from data.errors import PipelineError
from data.store.files import Store
from rate.page import make_app
from rate.ratings import count_votes, read_ratings
from rate.study import Study, draw_queries
from rate.table import print_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve or count; what cannot be done is one line and exit status 1."""
    parser = argparse.ArgumentParser(prog="styledrop-rate", description="Ask raters, and count what they say.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="show raters the page")
    serve.add_argument("--study", type=Path, required=True, help="YAML or JSON, see rate/study.py")
    serve.add_argument("--port", type=int, default=8421)
    table = commands.add_parser("table", help="print majority votes and shares")
    table.add_argument("answers", nargs="+", help="folder of a study's answers: a path, file://… or s3://…")
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "serve":
            _serve(read_request(asked.study, Study), asked.port)
        else:
            print_table(count_votes(rating for uri in asked.answers for rating in read_ratings(Store(uri))))
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(study: Study, port: int) -> None:
    app = make_app(draw_queries(study), Store(study.answers))
    print(f"rater form at http://127.0.0.1:{port}", file=sys.stderr)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    sys.exit(main())
