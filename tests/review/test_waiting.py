"""What is listed of runs that wait, whoever asked and whatever has become of their stores."""

import json
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
from data.store.files import Store
from review import terminal, waiting
from review.page import make_app
from review.waiting import Unreadable, Waiting, find_waiting, list_all, list_waiting

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def paused(number: int, name: str) -> FlowRun:
    details = StateDetails(run_input_keyset={"schema": f"{name}-schema", "response": "r", "description": "d"})
    state = Suspended(timestamp=SINCE + timedelta(hours=number), state_details=details)
    return FlowRun(id=uuid4(), flow_id=uuid4(), name=name, state=state)


def question(store: Store, style: str) -> dict[str, Any]:
    image = store.write_blob("images", ".png", to_png(Image.new("RGB", (16, 16), "navy"))).model_dump()
    return {
        "style": style, "planned_rounds": 2, "candidates": {"round_number": 1, "table": image, "count": 1},
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
