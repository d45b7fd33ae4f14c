"""Links for reviewers on other machines, signed: the holder of one sees and answers one question, for a while.

    STYLEDROP_REVIEW_SECRET    what links are signed with, at least 32 characters: the same for the page and for whoever
                               hands links out

Whoever knows the secret can make a link to any question.
"""

import hashlib
import hmac
import os
from datetime import UTC, datetime
from uuid import UUID

from data.errors import LinkRefused, SpecError

SECRET = "STYLEDROP_REVIEW_SECRET"
MIN_SECRET_CHARACTERS = 32
DAYS = 14
"""A link opens its question for so long, unless another number is asked for."""


def secret_from_environment() -> str:
    """The secret that links are signed with: the same for the page and for whoever hands links out.

    Raises:
        SpecError: if there is none, or one that can be guessed.
    """
    secret = os.environ.get(SECRET, "")
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise SpecError(
            f"expected at least {MIN_SECRET_CHARACTERS} characters in the environment's {SECRET}, got {len(secret)}; "
            "set it to the output of: openssl rand -hex 32"
        )
    return secret


def token(secret: str, run_id: UUID, question: str, expires: datetime) -> str:
    """What opens the page of `run_id` until `expires`, for as long as it asks the question with the key `question`."""
    until = int(expires.timestamp())
    signature = hmac.new(secret.encode(), f"review {run_id} {question} {until}".encode(), hashlib.sha256).hexdigest()
    return f"{until}.{question}.{signature}"


def opened_question(secret: str, run_id: UUID, given: str, now: datetime) -> str:
    """The key of the question that the token `given` opens.

    Raises:
        LinkRefused: if it is of another run or secret, or has expired.
    """
    until, _, rest = given.partition(".")
    question, _, _ = rest.partition(".")
    is_number = until.isascii() and until.isdecimal() and len(until) < 12
    expires = datetime.fromtimestamp(int(until), UTC) if is_number else now
    # Takes as long for a near miss as for any other.
    if not hmac.compare_digest(token(secret, run_id, question, expires).encode(), given.encode()):
        raise LinkRefused("this link is not the one to this style: ask whoever runs this page for it")
    if now >= expires:
        raise LinkRefused(f"this link expired at {expires:%Y-%m-%d %H:%M} UTC: ask whoever runs this page for another")
    return question


def link(page: str, secret: str, run_id: UUID, question: str, expires: datetime) -> str:
    """The address of a run's page under `page` (`http://host:port`)."""
    return f"{page.rstrip('/')}/runs/{run_id}?token={token(secret, run_id, question, expires)}"
