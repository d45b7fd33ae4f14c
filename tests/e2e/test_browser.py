"""A reviewer in a real browser: on the review page, and on Prefect's own form."""

import contextvars
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from starlette.applications import Starlette

from data.documents.style_spec import parse_spec
from data.records.feedback import Decision, FeedbackRecord
from data.store.candidates import read_examples
from data.store.files import Store
from data.store.publication import current_version
from data.store.published_style import read_document
from review.links import link
from review.page import make_app
from review.waiting import find_waiting
from tasks.onboarding.prepare import prepare
from tests.e2e.browser import open_page, screenshot
from tests.e2e.deployed import start_onboarding, wait_for_state
from tests.flows.test_human_feedback import asks
from tests.processes import free_port, wait_until
from tests.reviewer import list_waiting, next_question
from tests.tasks.onboarding.test_keep_candidates import candidates_of

pytestmark = pytest.mark.e2e

SECRET = "a secret of at least thirty-two characters"


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application on a free port; gives its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    # Prefect's settings are variables of the context.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(server.run,), daemon=True)
    thread.start()
    wait_until(lambda: server.started, 60, "the review page is served")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def suspended_run(spec_document: dict[str, Any], store: str, client: SyncPrefectClient) -> UUID:
    """A deployed run that waits with ten candidates, and no process of its own."""
    document = {**spec_document, "store": store, "feedback": "human", "images_per_prompt": 5}
    run_id = start_onboarding(client, parse_spec(document))
    assert wait_for_state(client, run_id).name == "Suspended"
    process_id = int((client.read_flow_run(run_id).infrastructure_pid or "").rpartition(":")[2])
    wait_until(lambda: not Path(f"/proc/{process_id}").exists(), 300, "the suspended run's process has ended")
    return run_id


def check_that_exactly_these_were_tuned_on(store: Store, picks: list[int], note: str) -> None:
    version = Store(current_version(store, "disc").uri)
    assert version.exists("adapter.safetensors")
    feedback = FeedbackRecord.model_validate_json(version.read("feedback/round-1.json"))
    assert feedback.decision is not None
    given = feedback.decision
    assert (given.decision, given.reviewer, given.note, sorted(given.picks)) == ("approve", "Ada", note, picks)
    assert list(feedback.kept) == picks
    prompts, _ = read_examples(version.read(feedback.table.uri), picks)
    assert json.loads(version.read("card.json"))["prompts"] == prompts


def test_phrases_and_six_picks_on_the_review_page_are_what_rounds_one_and_two_are_tuned_on(
    learnt_document: dict[str, Any], s3_store: str, worker_pool: str, prefect_client: SyncPrefectClient
) -> None:
    bare = {**learnt_document, "references": [{"uri": learnt_document["references"][0]["uri"]}]}
    run_id = suspended_run(bare, s3_store, prefect_client)
    with served(make_app(None)) as here, served(make_app(SECRET)) as elsewhere, open_page() as page:
        page.goto(f"{here}/runs/{run_id}")
        content = page.get_by_label("Content phrase").input_value()
        page.get_by_label("Style phrase").fill("in navy style")
        screenshot(page, "proposed-phrases")
        _decide(page, "confirm", reviewer="Ada")
        page.get_by_text("Answered: confirm by Ada; the run goes on.").wait_for()
        _open_question(page, f"{here}/runs/{run_id}", "Round 1 of 2 planned")

        page.goto(here)
        page.locator(f"a[href='/runs/{run_id}']", has_text="disc").click()
        assert page.locator(".candidate").count() == 10
        for width in page.locator(".candidate img").evaluate_all("images => images.map(image => image.width)"):
            assert width == 160
        screenshot(page, "review-page-small")

        question = find_waiting(run_id).question.key
        page.goto(link(elsewhere, SECRET, run_id, question, datetime.now(UTC) + timedelta(days=1)))
        picks = _pick_six(page)
        page.keyboard.press("Enter")
        page.get_by_label("approve").check()
        page.get_by_label("Reviewer").fill("Ada")
        page.get_by_label("Note").fill("<b>on the page</b>")
        page.get_by_role("button", name="Submit").click()
        page.get_by_text("Answered: approve by Ada; the run goes on.").wait_for()

        page.goto(f"{here}/runs/{run_id}")
        page.get_by_text("it was answered already: 'approve' by Ada").wait_for()
    assert wait_for_state(prefect_client, run_id, leaving=StateType.PAUSED).type == StateType.COMPLETED
    check_that_exactly_these_were_tuned_on(Store(s3_store), picks, "<b>on the page</b>")
    [reference] = read_document(current_version(Store(s3_store), "disc").uri).references
    assert reference.prompt == f"{content} in navy style"
    assert reference.content_phrase_from == "proposed and confirmed by Ada"
    assert reference.style_phrase_from.startswith("proposed and corrected by Ada (proposed: in ")


@contextmanager
def asked(document: dict[str, Any]) -> Iterator[tuple[UUID, list[Decision]]]:
    """A run that waits in this process, and what was decided, once it has ended."""
    run = prepare.fn(parse_spec({**document, "feedback": "human"}))
    seen, decided = list_waiting(), list[Decision]()
    asking = threading.Thread(
        target=contextvars.copy_context().run, args=(lambda: decided.extend(asks(run, candidates_of(run))),)
    )
    asking.start()
    yield next_question(seen).run_id, decided
    asking.join(60)


def test_two_who_disagree_are_followed_by_a_third_who_decides(spec_document: dict[str, Any], prefect_api: str) -> None:
    with (
        asked({**spec_document, "reviewers": 2}) as (run_id, decided),
        served(make_app(None)) as here,
        open_page() as page,
    ):
        address = f"{here}/runs/{run_id}"
        _open_question(page, address, "Two reviewers have to agree; this is the first.")
        _decide(page, "approve", reviewer="Ada", picks=(0, 1))
        _open_question(page, address, "Ada has answered, and somebody else is asked.")
        assert "picks" not in page.locator("aside").inner_text()
        _decide(page, "reject", reviewer="ada", note="too dark")
        page.get_by_text("expected another reviewer than Ada").wait_for()
        page.get_by_label("Reviewer").fill("Ben")
        page.get_by_role("button", name="Submit").click()
        page.get_by_text("Answered: reject by Ben").wait_for()
        _open_question(page, address, "a third person decides. Ada: approve, picks")
        page.get_by_text("Ben: reject (too dark).").wait_for()
        screenshot(page, "two-reviewers")
        assert decided == []
        _decide(page, "another round", reviewer="Cleo", picks=(2,))
        page.get_by_text("Answered: another round by Cleo").wait_for()
    [decision] = decided
    assert (decision.decision, decision.reviewer, len(decision.picks)) == ("another round", "Cleo", 1)
    assert [(one.reviewer, one.decision) for one in decision.rests_on] == [
        ("Ada", "approve"), ("Ben", "reject"), ("Cleo", "another round"),
    ]  # fmt: skip


def _open_question(page: Page, address: str, words: str) -> None:
    """Look again until the run asks in these words: between two reviewers it works for a moment."""

    def is_asked() -> bool:
        page.goto(address)
        return page.get_by_text(words).count() > 0

    wait_until(is_asked, 120, words)


def _decide(page: Page, decision: str, *, reviewer: str, picks: tuple[int, ...] = (), note: str = "") -> None:
    for place in picks:
        page.locator(".candidate").nth(place).click()
    page.get_by_role("button", name="Decide").click()
    page.get_by_label(decision).check()
    page.get_by_label("Reviewer").fill(reviewer)
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Submit").click()


def _pick_six(page: Page) -> list[int]:
    """The first by keyboard, the last five by mouse; one more is picked and taken back."""
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    tiles = page.locator(".candidate")
    for place in range(5, 10):
        tiles.nth(place).click()
    assert page.locator("#counter").text_content() == "6 picked"
    assert not page.locator(".candidate .scores").first.is_visible()
    page.keyboard.press("s")
    assert re.match(r"Text -?0\.\d{3} · Style", page.locator(".candidate .scores").first.inner_text())
    picked = page.locator('.candidate[aria-pressed="true"]')
    return sorted(int(number) for number in picked.evaluate_all("tiles => tiles.map(tile => tile.dataset.number)"))


def test_the_form_of_prefects_own_page_decides_as_the_review_page_does(
    spec_document: dict[str, Any], prefect_client: SyncPrefectClient
) -> None:
    picks = (0, 2, 3, 5)
    with asked(spec_document) as (run_id, decided), open_page() as page:
        page.goto(f"{str(prefect_client.api_url).rpartition('/api')[0]}/runs/flow-run/{run_id}")
        page.get_by_role("button", name="Resume").first.click()
        form = page.locator(".p-modal__card")
        sheet = form.get_by_alt_text("candidates, numbered")
        sheet.wait_for()
        assert sheet.evaluate("image => image.complete && image.naturalWidth > 500")
        _choose(_field(form, "Picks"), *map(str, picks))
        form.locator(".p-modal__title").click()
        page.locator(".p-select-options").wait_for(state="detached")
        _choose(_field(form, "Decision"), "approve")
        _field(form, "Reviewer").locator("textarea").fill("Ada")
        _field(form, "Note").locator("textarea").fill("on Prefect's page")
        screenshot(page, "prefect-form-small")
        wait_until(partial(_is_sent, form), 180, "the form is sent")
    [given] = decided
    assert (given.decision, given.reviewer, given.note, given.picks) == ("approve", "Ada", "on Prefect's page", picks)


def _is_sent(form: Locator) -> bool:
    # Perhaps again: the first click may only close a list that is still open.
    form.get_by_role("button", name="Submit").click()
    try:
        form.wait_for(state="detached", timeout=20_000)
    except PlaywrightTimeout:
        return False
    return True


def _field(form: Locator, label: str) -> Locator:
    named = form.page.locator(".schema-form-property__label", has_text=re.compile(f"^{label}"))
    return form.locator(".schema-form-property").filter(has=named)


def _choose(field: Locator, *wanted: str) -> None:
    # By keyboard, and perhaps again: while the form is still coming up, it closes the list, and a click is lost.
    chosen, options = field.locator(".p-select-button"), field.page.locator(".p-select-option")

    def is_chosen(words: str) -> bool:
        if words in chosen.inner_text().splitlines():
            return True
        if options.count() == 0:
            field.locator("button.p-select-button__control").press("ArrowDown")
        else:
            options.filter(has_text=re.compile(rf"^\s*{words}\s*$")).first.click()
        return False

    for words in wanted:
        wait_until(partial(is_chosen, words), 180, f"{words!r} is chosen in the form")
