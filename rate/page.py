"""The rater's page: the reference, two images in random order, two questions; no more than a form.

    GET  /             asks for the rater's name
    GET  /?rater=NAME  the next query that this rater has not answered
    POST /             an answer; goes on to the next query

It keeps nothing but answers, in their store, and each before it goes on. It is for this machine alone: other
names in `Host` are refused, and answers from other sites' pages. What is sent says nothing of where an image
comes from: pixels anew encoded, A or B, and the digits of the query.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from data.errors import AlreadyInStore, PipelineError
from data.pictures.images import from_png, to_png
from data.store.files import Store
from rate.ratings import Choice, Rating, has_rated, write_rating
from rate.study import Query, first_is_shown_as_a

HERE = Path(__file__).parent
MAX_PX = 512
"""Larger pictures are scaled down: twice what the page shows, for fine screens."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATE = Environment(loader=FileSystemLoader(HERE), autoescape=True).get_template("page.html")

Shown = Literal["A", "B", "tie"]
Name = Annotated[
    str,
    AfterValidator(lambda name: " ".join(name.split())),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60),
]
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class _Form(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rater: Name
    query: str
    style: Shown
    text: Shown


def make_app(queries: Sequence[Query], answers: Store) -> Starlette:
    """The page as an ASGI application; `queries` are asked in their order."""
    by_id = {query.id: query for query in queries}

    async def ask(request: Request) -> Response:
        if "rater" not in request.query_params:
            return _html(count=len(queries))
        try:
            rater = _NAME.validate_python(request.query_params["rater"])
            rated = await run_in_threadpool(has_rated, answers, rater)
        except ValidationError:
            return _html(400, words="Expected a name of 1 to 60 characters.")
        except PipelineError as error:
            return _html(500, words=str(error))
        left = [query for query in queries if query.id not in rated]
        if not left:
            return _html(words=f"All {len(queries)} answered. Thank you, {rater}.")
        query = left[0]
        images = [query.first_image, query.second_image]
        if not first_is_shown_as_a(query, rater):
            images.reverse()
        return _html(
            rater=rater,
            query=query,
            reference=_data_uri(query.reference),
            images=dict(zip("AB", map(_data_uri, images), strict=True)),
            number=len(queries) - len(left) + 1,
            count=len(queries),
        )

    async def take(request: Request) -> Response:
        if request.headers.get("origin", "").partition("://")[2] != request.headers["host"]:
            return _html(403, words="Answers are taken from this page only.")
        try:
            form = _Form.model_validate(dict(parse_qsl((await request.body()).decode())))
        except (ValidationError, UnicodeDecodeError):
            return _html(400, words="Expected an answer to both questions and a name; go back and choose.")
        if form.query not in by_id:
            return _html(409, words="This question is no longer asked; open the page anew.")
        try:
            await run_in_threadpool(write_rating, answers, _rating(form, by_id[form.query]))
        except AlreadyInStore:
            pass  # sent twice, or from a second window: the first answer counts
        except PipelineError as error:
            return _html(500, words=f"Your answer was not kept: {error}")
        return RedirectResponse(f"/?{urlencode({'rater': form.rater})}", status_code=303, headers=HEADERS)

    return Starlette(
        routes=[
            Route("/", ask),
            Route("/", take, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def _rating(form: _Form, query: Query) -> Rating:
    first_is_a = first_is_shown_as_a(query, form.rater)
    chosen: dict[Shown, Choice] = {"A": "first", "B": "second", "tie": "tie"}
    if not first_is_a:
        chosen |= {"A": "second", "B": "first"}
    return Rating(
        query=query.id,
        content_phrase=query.content_phrase,
        first=query.first,
        second=query.second,
        reference_sha256=hashlib.sha256(query.reference).hexdigest(),
        first_image_sha256=hashlib.sha256(query.first_image).hexdigest(),
        second_image_sha256=hashlib.sha256(query.second_image).hexdigest(),
        shown_as_a="first" if first_is_a else "second",
        style=chosen[form.style],
        text=chosen[form.text],
        rater=form.rater,
        answered_at=datetime.now(UTC),
    )


@lru_cache(maxsize=32)  # references come again and again, and may be large
def _data_uri(png: bytes) -> str:
    image = from_png(png)
    image.info.clear()  # a PNG may carry words
    image.thumbnail((MAX_PX, MAX_PX))
    return f"data:image/png;base64,{base64.b64encode(to_png(image)).decode()}"


def _html(status: int = 200, **values: object) -> Response:
    return HTMLResponse(_TEMPLATE.render(**values), status_code=status, headers=HEADERS)
