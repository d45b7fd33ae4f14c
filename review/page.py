"""The review page: waiting styles, the reference beside the candidates, an answer.

    GET  /             waiting styles (only without a secret)
    GET  /runs/ID      what is asked
    POST /runs/ID      the answer, as JSON; gives {"said": …} or {"error": …}

It answers through the Prefect API and reads pictures from the store; it keeps nothing itself. Without a
secret it is for this machine alone: other names in `Host` are refused, or a page elsewhere could have its
own name point here and read along. With one, every request about a run needs a token to its question. Answers
are taken as JSON from the page itself only: browsers say so (`Sec-Fetch-Site`), also behind a proxy that changes
`Host`.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from jinja2 import Environment, FileSystemLoader
from pydantic import ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from data import LOOPBACK
from data.documents.words import shown
from data.errors import DecisionRefused, LinkRefused, NotWaiting, PipelineError
from data.pictures.images import from_png, square, to_png
from data.records.feedback import ANSWER_MEANINGS, SentReply
from data.records.onboarding import Example
from data.records.questions import AnyQuestion, CandidatesQuestion
from data.store.files import Store
from review.links import opened_question
from review.waiting import Unreadable, Waiting, answer, find_waiting, list_all, shown_candidates

HERE = Path(__file__).parent
MAX_PX = 320
"""Larger pictures are scaled down: twice what the page shows, for fine screens."""
MAX_ANSWER_BYTES = 100_000
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATE = Environment(loader=FileSystemLoader(HERE), autoescape=True).get_template(
    "page.html", globals={"meaning": ANSWER_MEANINGS}
)


class _Form(SentReply):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listed:
    """A line of the list."""

    waiting: Waiting | Unreadable
    question: AnyQuestion | None = None
    reference: str = ""
    """Address of the picture."""
    reason: str = ""
    """Why question or picture is not there."""


def make_app(secret: str | None) -> Starlette:
    """The page as an ASGI application: for this machine without a `secret`, else for holders of links."""

    async def waiting_styles(_: Request) -> Response:
        if secret is not None:
            return _words("This page opens with a link to one style: ask whoever runs it for yours.", 403)
        found = await run_in_threadpool(list_all)
        return _html(listed=[await run_in_threadpool(_listed, waiting) for waiting in found])

    async def show(request: Request) -> Response:
        run_id: UUID = request.path_params["run_id"]
        try:
            waiting = await _opened(run_id, request.query_params.get("token", ""))
            return await run_in_threadpool(_question, waiting)
        except LinkRefused as error:
            return _words(str(error), 403)
        except NotWaiting as error:
            return _words(str(error), 404)
        except PipelineError as error:  # the store cannot be read
            return _words(str(error), 500)

    async def take(request: Request) -> Response:
        run_id: UUID = request.path_params["run_id"]
        given = request.headers.get("x-review-token", "")
        try:
            _check_signature(run_id, given)
            refusal = _why_not_from_here(request)
            if refusal:
                return _error(refusal, 403)
            form = _Form.model_validate_json(await _body(request))
            waiting = await _opened(run_id, given)
            await run_in_threadpool(_answer, waiting, form)
        except LinkRefused as error:
            return _error(str(error), 403)
        except ValidationError as error:
            return _error(f"expected an answer in the form the page sends: {error.errors()[0]['msg']}", 400)
        except (NotWaiting, DecisionRefused) as error:
            return _error(str(error), 409)
        except PipelineError as error:  # another release asked, or the store cannot be read
            return _error(str(error), 500)
        return JSONResponse({"said": f"{form.decision} by {form.reviewer}; the run goes on."}, headers=HEADERS)

    def _check_signature(run_id: UUID, given: str) -> str | None:
        return None if secret is None else opened_question(secret, run_id, given, datetime.now(UTC))

    async def _opened(run_id: UUID, given: str) -> Waiting:
        question = _check_signature(run_id, given)  # before anything is asked of Prefect
        waiting = await run_in_threadpool(find_waiting, run_id)
        if question not in (None, waiting.question.key):
            raise LinkRefused("this link is the one to an earlier question: ask whoever runs this page for another")
        return waiting

    return Starlette(
        routes=[
            Route("/", waiting_styles),
            Route("/runs/{run_id:uuid}", show),
            Route("/runs/{run_id:uuid}", take, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(_ForThisMachine)] if secret is None else [],
        exception_handlers={httpx.HTTPError: _away},
    )


class _ForThisMachine:
    """Refuses requests to another name than this machine's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host_name(Headers(scope=scope).get("host", "")) not in LOOPBACK:
            given = Headers(scope=scope).get("host", "")
            words = f"This page is for this machine: expected one of {', '.join(LOOPBACK)} as Host, got {given!a:.100}."
            await _words(words, 400)(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _away(request: Request, error: Exception) -> Response:
    words = f"Prefect does not answer ({type(error).__name__}): nothing was decided; try again in a moment."
    return _error(words, 503) if request.method == "POST" else _words(words, 503)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise DecisionRefused(f"expected an answer of at most {MAX_ANSWER_BYTES} bytes, got more")
    return body


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _why_not_from_here(request: Request) -> str:
    """Why an answer is not taken; empty if it comes from the page. Another site cannot send what is asked here."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "answers are taken from this page only, as JSON"
    site = request.headers.get("sec-fetch-site")
    if site == "same-origin":
        return ""
    origin = request.headers.get("origin", "").partition("://")[2]
    host = request.headers.get("host", "")
    if site is None and origin and origin == host:
        return ""
    return (
        f"answers are taken from this page only, as JSON: expected one from {host!a:.100}, got one from "
        f"{origin or 'nowhere'!a:.100}; behind a proxy, hand the name on (nginx: proxy_set_header Host $http_host;)"
    )


def _answer(waiting: Waiting, form: _Form) -> None:
    answer(
        waiting,
        form.decision,
        picks=form.picks,
        phrases=form.phrases,
        reviewer=form.reviewer,
        note=form.note,
        candidates_sha256=form.candidates,
    )


def _question(waiting: Waiting) -> Response:
    shown = shown_candidates(waiting.question) if isinstance(waiting.question, CandidatesQuestion) else []
    candidates = [(candidate, _data_uri(candidate.image)) for candidate in shown]
    return _html(waiting=waiting, references=_references(waiting), candidates=candidates)


def _listed(waiting: Waiting | Unreadable) -> _Listed:
    if isinstance(waiting, Unreadable):
        return _Listed(waiting=waiting, reason=waiting.reason)
    try:
        return _Listed(waiting=waiting, question=waiting.question, reference=_references(waiting)[0][1])
    except Exception as error:  # of its store: the others are shown, and can be answered
        return _Listed(waiting=waiting, question=waiting.question, reason=shown(str(error)))


def _references(waiting: Waiting) -> list[tuple[Example, str]]:
    store = Store(waiting.question.store)
    return [(example, _data_uri(store.read_blob(example.image))) for example in waiting.question.references]


def _data_uri(png: bytes) -> str:
    image = from_png(png)
    if image.width > MAX_PX:
        png = to_png(square(image, MAX_PX, "crop"))
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _html(status: int = 200, **values: object) -> Response:
    return HTMLResponse(_TEMPLATE.render(**values), status_code=status, headers=HEADERS)


def _words(words: str, status: int) -> Response:
    return _html(status, words=words)


def _error(words: str, status: int) -> Response:
    return JSONResponse({"error": words}, status_code=status, headers=HEADERS)
