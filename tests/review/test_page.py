"""Who may see and answer what, before anything is asked of Prefect."""

import re
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from uuid import UUID

import httpx
import pytest
from starlette.testclient import TestClient

from data.errors import QuestionUnreadable
from review.__main__ import main
from review.links import SECRET, token
from review.page import make_app

RUN = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")
SECRET_VALUE = "s" * 32
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)
QUESTION = "a" * 16
HERE = "http://127.0.0.1:8420"
ANSWER = {"decision": "approve", "picks": [1], "reviewer": "Ada", "note": "", "candidates": "a" * 64}


def client(secret: str | None) -> TestClient:
    return TestClient(make_app(secret), base_url=HERE)


def test_a_name_that_others_let_point_here_is_refused() -> None:
    for path in ("/", f"/runs/{RUN}", "/static/page.js"):
        assert client(None).get(path, headers={"Host": "evil.example:8420"}).status_code == 400
    assert client(None).get("/static/page.js").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8420", 200),
        ("localhost:8420", 200),
        ("localhost", 200),
        ("[::1]:8420", 200),
        ("[::1]", 200),
        ("LOCALHOST:8420", 200),
        ("", 400),
        ("127.0.0.1.evil.example", 400),
        ("evil.example:8420", 400),
        ("localhost@evil.example", 400),
        ("[::1", 400),
        ("[::2]:8420", 400),
        ("0.0.0.0:8420", 400),
    ],
)
def test_only_this_machines_own_names_are_served(host: str, status: int) -> None:
    response = client(None).get("/static/page.js", headers={"Host": host})
    assert response.status_code == status
    if status == 400:
        assert "expected one of 127.0.0.1, localhost, ::1 as Host" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
        {"Content-Type": "application/json", "Origin": "null"},
        {"Content-Type": "text/plain", "Origin": HERE},
        {"Content-Type": "application/x-www-form-urlencoded", "Origin": HERE},
        {"Content-Type": "application/json", "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "application/json", "Origin": HERE, "Sec-Fetch-Site": "same-site"},
        {"Content-Type": "application/json", "Origin": HERE, "Sec-Fetch-Site": "none"},
        {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_answers_from_other_sites_are_refused(headers: dict[str, str]) -> None:
    response = client(None).post(f"/runs/{RUN}", content="{}", headers=headers)
    assert response.status_code == 403
    assert response.json()["error"].startswith("answers are taken from this page only, as JSON")


def test_behind_a_proxy_that_changes_the_name_answers_are_taken_or_both_names_told() -> None:
    page, headers = client(SECRET_VALUE), {"Origin": "https://review.example", "Content-Type": "application/json"}
    headers["X-Review-Token"] = token(SECRET_VALUE, RUN, QUESTION, LATER)
    told = page.post(f"/runs/{RUN}", content="{}", headers=headers)
    assert told.status_code == 403
    assert "expected one from '127.0.0.1:8420', got one from 'review.example'; behind a proxy" in told.json()["error"]
    taken = page.post(f"/runs/{RUN}", content="{}", headers={**headers, "Sec-Fetch-Site": "same-origin"})
    assert taken.status_code == 400  # the next thing that is looked at: it is no answer


def test_an_answer_in_another_form_is_refused_in_words() -> None:
    response = client(None).post(f"/runs/{RUN}", json={**ANSWER, "decision": "yes"}, headers={"Origin": HERE})
    assert response.status_code == 400
    assert "Input should be 'approve', 'another round', 'publish', 'confirm' or 'reject'" in response.json()["error"]


def test_a_link_opens_its_own_run_and_nothing_else() -> None:
    page = client(SECRET_VALUE)
    opens = token(SECRET_VALUE, RUN, QUESTION, LATER)
    assert page.get("/").status_code == 403
    for run, given in (
        (RUN, ""),
        (OTHER, opens),
        (RUN, token("t" * 32, RUN, QUESTION, LATER)),
        (RUN, token(SECRET_VALUE, RUN, QUESTION, NOW - timedelta(seconds=1))),
        (RUN, opens.replace(QUESTION, "b" * 16)),
        (RUN, str(int(opens.partition(".")[0]) + 1) + opens[opens.index(".") :]),
        (RUN, opens.partition(".")[2]),
        (RUN, opens[:-1]),
        (RUN, "9" * 400 + opens[opens.index(".") :]),
        (RUN, "ä" * 32),
        (RUN, "²." + QUESTION),
    ):
        assert page.get(f"/runs/{run}", params={"token": given}).status_code == 403
        headers = {"Origin": HERE, "X-Review-Token": given.encode()}
        assert page.post(f"/runs/{run}", json=ANSWER, headers=headers).status_code == 403
    # Past the door, what is looked at next is where it comes from.
    headers = {"Origin": "http://evil.example", "X-Review-Token": opens}
    assert "from this page only" in page.post(f"/runs/{RUN}", json=ANSWER, headers=headers).json()["error"]


def test_what_is_shown_is_escaped_and_runs_no_scripts_of_others() -> None:
    from review.page import _words

    response = _words("<script>alert(1)</script>", 404)
    assert b"<script>alert" not in response.body
    assert b"&lt;script&gt;alert(1)" in response.body
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


def test_other_machines_are_served_only_with_a_secret_to_sign_links(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SECRET, "short")
    assert main(["--host", "0.0.0.0"]) == 1
    assert f"expected at least 32 characters in the environment's {SECRET}, got 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            httpx.ConnectError("refused"),
            503,
            r"Prefect does not answer \(ConnectError\): nothing was decided; try again",
        ),
        (QuestionUnreadable("another release asked"), 500, "another release asked"),
    ],
)
def test_what_happens_while_the_server_is_away_or_another_release_asked_is_said(
    error: Exception, status: int, words: str
) -> None:
    with patch("review.page.find_waiting", side_effect=error):
        shown = client(None).get(f"/runs/{RUN}")
        answered = client(None).post(f"/runs/{RUN}", json=ANSWER, headers={"Origin": HERE})
    assert (shown.status_code, answered.status_code) == (status, status)
    assert re.search(words, shown.text)
    assert re.search(words, answered.json()["error"])


def test_an_answer_that_is_too_long_is_not_read_to_its_end() -> None:
    response = client(None).post(f"/runs/{RUN}", content=b" " * 200_000, headers={
        "Origin": HERE, "Content-Type": "application/json"})  # fmt: skip
    assert response.status_code == 409
    assert "at most 100000 bytes" in response.json()["error"]
