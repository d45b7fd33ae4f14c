"""Links for reviewers on other machines, signed: the holder of one sees and answers that run and no other."""

import hashlib
import hmac
import os
from uuid import UUID

from data.errors import SpecError

SECRET = "STYLEDROP_REVIEW_SECRET"
MIN_SECRET_CHARACTERS = 32


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


def token(secret: str, run_id: UUID) -> str:
    """What opens the page of `run_id` and no other."""
    return hmac.new(secret.encode(), f"review {run_id}".encode(), hashlib.sha256).hexdigest()


def is_token(secret: str, run_id: UUID, given: str) -> bool:
    """Whether `given` opens the page of `run_id`; takes as long for a near miss as for any other."""
    return hmac.compare_digest(token(secret, run_id).encode(), given.encode())


def link(page: str, secret: str, run_id: UUID) -> str:
    """The address of a run's page under `page` (`http://host:port`)."""
    return f"{page.rstrip('/')}/runs/{run_id}?token={token(secret, run_id)}"
