"""What raters see and what becomes of it, without a browser."""

import base64
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from data.documents.requests import read_request
from data.store.files import Store
from rate.__main__ import main
from rate.page import make_app
from rate.ratings import read_ratings
from rate.study import Study, draw_queries
from tests.rating_study import COLOURS, PHRASES, row_of, write_study

HERE = "http://127.0.0.1:8421"


def client(study_path: Path) -> TestClient:
    study = read_request(study_path, Study)
    return TestClient(make_app(draw_queries(study), Store(study.answers)), base_url=HERE, headers={"Origin": HERE})


def shown(html: str) -> dict[str, bytes]:
    """A and B as the page shows them."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="image ([AB])">', html)
    return {name: base64.b64decode(data) for data, name in found}


def answer(html: str, rater: str, **chosen: str) -> dict[str, str]:
    query = re.search(r'name="query" value="([0-9a-f]{16})"', html)
    assert query
    return {"rater": rater, "query": query[1], **chosen}


def test_what_a_rater_prefers_is_what_the_table_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = client(write_study(tmp_path))
    for rater in ("Ada", "Bob", "Eve"):
        html = page.get("/", params={"rater": rater}).text
        for number in range(len(PHRASES)):
            assert f"{number + 1} of {len(PHRASES)}" in html
            (green,) = (name for name, png in shown(html).items() if row_of(png) == "by-people")
            html = page.post("/", data=answer(html, rater, style=green, text="A" if rater == "Ada" else "tie")).text
        assert f"All {len(PHRASES)} answered. Thank you, {rater}." in html
    assert main(["table", str(tmp_path / "answers")]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert "tuned-once / by-people, thing 0: Text tie (" in lines[0] and "Style second (0-0-3)" in lines[0]
    assert lines[-1].split() == ["tuned-once", "/", "by-people", "12", "0.0/100.0/0.0", "0.0/0.0/100.0"]
    assert json.loads(last) == {
        "tuned-once / by-people": {
            "queries": 12,
            "answers": 36,
            "fewest_answers_to_a_query": 3,
            "text": {"first": 0.0, "tie": 100.0, "second": 0.0},
            "style": {"first": 0.0, "tie": 0.0, "second": 100.0},
        }
    }
    for given in read_ratings(Store(str(tmp_path / "answers"))):
        assert given.text == (given.shown_as_a if given.rater == "Ada" else "tie")
        assert given.shown_as_a in ("first", "second")


def test_nothing_that_is_sent_says_which_image_is_whose(tmp_path: Path) -> None:
    response = client(write_study(tmp_path)).get("/", params={"rater": "Ada"})
    images = shown(response.text)
    sent = [response.content, str(response.headers).encode(), *images.values()]
    for secret in (*COLOURS, "first", "second", ".parquet", str(tmp_path), "drawn by"):
        assert not any(secret.encode() in part for part in sent), secret
    assert {row_of(png) for png in images.values()} == {"tuned-once", "by-people"}


def test_raters_see_the_same_question_in_different_orders(tmp_path: Path) -> None:
    page = client(write_study(tmp_path))
    pages = [page.get("/", params={"rater": f"rater {number}"}).text for number in range(12)]
    assert {row_of(shown(html)["A"]) for html in pages} == {"tuned-once", "by-people"}
    assert len({answer(html, "")["query"] for html in pages}) == 1


def test_another_server_goes_on_where_this_one_stopped(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    page = client(path)
    html = page.get("/", params={"rater": "Ada"}).text
    first = answer(html, "Ada", style="A", text="B")
    page.post("/", data=first)
    page.post("/", data={**first, "style": "B"})  # from a second window: the first answer counts
    assert f"2 of {len(PHRASES)}" in client(path).get("/", params={"rater": " ada "}).text
    (kept,) = read_ratings(Store(str(tmp_path / "answers")))
    assert kept.style == kept.shown_as_a
    assert kept.text not in (kept.shown_as_a, "tie")


@pytest.mark.parametrize(
    ("change", "headers", "status"),
    [
        ({}, {"Origin": "http://evil.example"}, 403),
        ({}, {"Origin": "null"}, 403),
        ({}, {"Host": "evil.example:8421"}, 400),
        ({"style": "first"}, {}, 400),
        ({"rater": "  "}, {}, 400),
        ({"query": "0" * 16}, {}, 409),
    ],
)
def test_what_is_no_answer_from_this_page_is_refused(
    tmp_path: Path, change: dict[str, str], headers: dict[str, str], status: int
) -> None:
    page = client(write_study(tmp_path))
    given = answer(page.get("/", params={"rater": "Ada"}).text, "Ada", style="A", text="A")
    assert page.post("/", data={**given, **change}, headers=headers).status_code == status
    assert not (tmp_path / "answers").exists()


def test_names_and_phrases_are_escaped(tmp_path: Path) -> None:
    response = client(write_study(tmp_path)).get("/", params={"rater": "<script>alert(1)</script>"})
    assert "<script>" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_an_answer_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    page = client(path)
    given = answer(page.get("/", params={"rater": "Ada"}).text, "Ada", style="A", text="A")
    (tmp_path / "answers").write_text("a file where the folder should be")
    response = page.post("/", data=given)
    assert response.status_code == 500
    assert "Your answer was not kept: cannot write" in response.text


def test_a_study_that_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_study(tmp_path)
    (tmp_path / "by-people.parquet").unlink()
    assert main(["serve", "--study", str(path)]) == 1
    assert re.fullmatch(
        r"AddressError: expected a table of samples at .*by-people\.parquet, got no such file.*\n",
        capsys.readouterr().err,
    )
    assert main(["table", str(tmp_path / "answers")]) == 1
    assert capsys.readouterr().err.startswith("RatingsError: expected raters' answers in ")
