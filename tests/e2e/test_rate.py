"""A rater in a real browser, and a server that is killed between two answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from rate.__main__ import main
from tests.e2e.browser import open_page, screenshot
from tests.processes import end, free_port, wait_until
from tests.rating_study import write_study

pytestmark = pytest.mark.e2e


def test_answers_given_in_a_browser_survive_the_servers_death(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path, queries_per_pair=3)
    with open_page(width=960, height=640) as page:
        with served(study) as address:
            page.goto(address)
            page.get_by_label("Your name").fill("Ada")
            page.get_by_role("button", name="Start").click()
            page.get_by_role("button", name="Next").click()  # nothing chosen: the browser says so
            for width in page.locator("img").evaluate_all("images => images.map(image => image.width)"):
                assert width == 256
            screenshot(page, "rater-form")
            answer(page, number=1)
            answer(page, number=2)
            page.get_by_text("Ada: 3 of 3").wait_for()
        with served(study) as address:
            page.goto(f"{address}/?rater=Ada")
            answer(page, number=3)
            page.get_by_text("All 3 answered. Thank you, Ada.").wait_for()
    assert main(["table", str(tmp_path / "answers")]) == 0
    (figures,) = json.loads(capsys.readouterr().out.splitlines()[-1]).values()
    assert (figures["queries"], figures["answers"]) == (3, 3)
    assert figures["text"] == {"first": 0.0, "tie": 100.0, "second": 0.0}
    assert figures["style"]["tie"] == 0.0


def answer(page: Page, number: int) -> None:
    page.get_by_text(f"Ada: {number} of 3").wait_for()
    page.get_by_role("group", name="style of the reference").get_by_label("A", exact=True).check()
    page.get_by_role("group", name="described by the text").get_by_label("Cannot determine / both equally").check()
    page.get_by_role("button", name="Next").click()


@contextmanager
def served(study: Path) -> Iterator[str]:
    """A server of its own, killed at the end; gives its address."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "rate", "serve", "--study", str(study), "--port", str(port)])
    try:
        wait_until(lambda: _answers(port), 120, "the rater form is served")
        yield f"http://127.0.0.1:{port}"
    finally:
        end(server)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
