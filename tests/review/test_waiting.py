"""What is listed of runs that wait, whoever asked and whatever has become of their stores."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image
from prefect.client.schemas.objects import FlowRun, StateDetails
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Suspended
from starlette.testclient import TestClient

from data.errors import QuestionUnreadable
from data.pictures.images import to_png
from data.store.candidates import Candidate, to_parquet
from data.store.files import Store
from review import terminal, waiting
from review.__main__ import main as serve
from review.links import SECRET, token
from review.page import make_app
from review.waiting import Unreadable, Waiting, find_waiting, list_all
from tests.reviewer import list_waiting

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def paused(number: int, name: str) -> FlowRun:
    details = StateDetails(run_input_keyset={"schema": f"{name}-schema", "response": "r", "description": "d"})
    state = Suspended(timestamp=SINCE + timedelta(hours=number), state_details=details)
    return FlowRun(id=uuid4(), flow_id=uuid4(), name=name, state=state)


def question(store: Store, style: str) -> dict[str, Any]:
    png = to_png(Image.new("RGB", (16, 16), "navy"))
    image = store.write_blob("images", ".png", png).model_dump()
    candidate = Candidate(
        index=0, content_phrase="a cat", prompt="a cat in ink", seed=1, image=png, text_score=0.1, style_score=0.2
    )
    table = store.write_blob("tables", ".parquet", to_parquet([candidate])).model_dump()
    return {
        "style": style, "planned_rounds": 2, "candidates": {"round_number": 1, "table": table, "count": 1},
        "shown": [0],
        "chosen_by": "drawn", "leak": None, "answers": ["approve", "reject"], "store": store.uri,
        "references": [{"image": image, "prompt": "a disc"}], "sheet": image,
    }  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[dict[str, FlowRun]]:
    """Runs that wait, by name: the first and the last can be answered."""
    store = Store(f"file://{tmp_path}/store")
    gone = question(Store(f"file://{tmp_path}/gone"), "gone")
    for path in (tmp_path / "gone" / "images").iterdir():
        path.unlink()
    good = question(store, "good")
    forms = {
        "good": json.dumps({"question": good}),
        "older": json.dumps({"question": {key: value for key, value in good.items() if key != "answers"}}),
        "newer": json.dumps({"question": {**good, "deadline": "today"}}),
        "odd": json.dumps({"question": ["what?"]}),
        "torn": json.dumps({"question": good})[:50],
        "refused": PrefectHTTPStatusError(
            "500", request=httpx.Request("GET", "http://p"), response=httpx.Response(500)
        ),
        "store-gone": json.dumps({"question": gone}),
        "another-flow": json.dumps({"title": "a form"}),
        "a-list": "[]",
        "last": json.dumps({"question": {**good, "style": "last"}}),
    }
    found = {name: paused(number, name) for number, name in enumerate(forms)}
    client = Mock()
    client.read_flow_runs = Mock(return_value=list(found.values()))
    client.read_flow_run = Mock(side_effect=lambda run_id: next(run for run in found.values() if run.id == run_id))

    def read(run_id: UUID, key: str) -> str:
        form = forms[key.removesuffix("-schema")]
        if isinstance(form, Exception):
            raise form
        return form

    client.read_flow_run_input = Mock(side_effect=read)
    with patch.object(waiting, "get_client") as opened:
        opened.return_value.__enter__.return_value = client
        yield found


def test_a_question_that_cannot_be_read_shows_its_reason_and_hides_no_other(
    runs: dict[str, FlowRun], capsys: pytest.CaptureFixture[str]
) -> None:
    listed = {found.run_name: found for found in list_all()}
    assert list(listed) == ["good", "older", "newer", "odd", "torn", "refused", "store-gone", "last"]
    reasons = {name: found.reason for name, found in listed.items() if isinstance(found, Unreadable)}
    assert list(reasons) == ["older", "newer", "odd", "torn", "refused"]
    assert "got one with answers: Field required" in reasons["older"]
    assert "got one with deadline: Extra inputs" in reasons["newer"]
    assert all(reason.isprintable() for reason in reasons.values())
    assert [found.question.style for found in list_waiting()] == ["good", "gone", "last"]
    assert terminal.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and "newer  cannot be shown: expected a question of this release" in lines[2]
    with pytest.raises(QuestionUnreadable, match="answer it with the release that asked"):
        find_waiting(runs["newer"].id)
    assert terminal.main(["show", str(runs["newer"].id)]) == 1


def test_the_page_lists_what_can_be_answered_beside_what_cannot(runs: dict[str, FlowRun]) -> None:
    client = TestClient(make_app(None), base_url="http://127.0.0.1:8420")
    page = client.get("/")
    assert page.status_code == 200
    assert page.text.count("<a class=") == 8
    assert page.text.count("data:image/png;base64,") == 2
    assert page.text.count('class="warning"') == 6
    assert client.get(f"/runs/{runs['newer'].id}").status_code == 500
    assert isinstance(find_waiting(runs["last"].id), Waiting)


def test_a_link_opens_one_question_for_a_while_and_no_log_has_it(
    runs: dict[str, FlowRun],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, run = "s" * 32, runs["good"]
    monkeypatch.setenv(SECRET, secret)
    assert terminal.main(["link", str(run.id), "--page", "https://review.example/", "--days", "3"]) == 0
    address = capsys.readouterr().out.strip()
    path, _, opens = address.removeprefix("https://review.example").partition("?token=")
    client = TestClient(make_app(secret), base_url="http://127.0.0.1:8420")
    assert client.get(path, params={"token": opens}).status_code == 200
    now = datetime.now(UTC)
    expires = datetime.fromtimestamp(int(opens.partition(".")[0]), UTC)
    assert timedelta(days=2.9) < expires - now < timedelta(days=3.1)
    with patch("review.page.datetime", Mock(now=Mock(return_value=expires))):
        response = client.get(path, params={"token": opens})
    assert response.status_code == 403 and "this link expired at" in response.text

    earlier = token(secret, run.id, "b" * 16, expires)  # signed by us, and its question is answered
    response = client.get(path, params={"token": earlier})
    assert response.status_code == 403 and "the one to an earlier question" in response.text
    answer = {"decision": "approve", "picks": [0], "reviewer": "Ada", "note": "", "candidates": "a" * 64}
    headers = {"Origin": "http://127.0.0.1:8420", "X-Review-Token": earlier}
    assert client.post(path, json=answer, headers=headers).status_code == 403
    with patch("uvicorn.run") as served:
        assert serve(["--host", "0.0.0.0"]) == 0
    assert served.call_args.kwargs["access_log"] is False
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert opens not in ours and secret not in ours  # httpx is the test's own client
