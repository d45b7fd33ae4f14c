"""A deployed run waits for a person: suspended, announced, not to be tricked, answered, and gone on with."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Completed, Scheduled

from data.documents.style_spec import parse_spec
from data.records.feedback import Decision, FeedbackRecord
from data.store.candidates import read_examples
from data.store.files import Store
from data.store.publication import current_version
from review.notification import notify_when_waiting
from review.terminal import main as review
from tests.e2e.deployed import start_onboarding, wait_for_state
from tests.processes import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes JSON, and what it was sent."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_deployed_human_round_waits_for_a_decision_that_nobody_can_invent(
    learnt_document: dict[str, Any],
    s3_store: str,
    worker_pool: str,
    prefect_client: SyncPrefectClient,
    webhook: tuple[str, list[dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, received = webhook
    client, store = prefect_client, Store(s3_store)
    notify_when_waiting("http://127.0.0.1:9/another")
    notify_when_waiting(url)
    assert len(client.read_automations_by_name("a style waits for a reviewer")) == 1
    run_id = start_onboarding(client, parse_spec({**learnt_document, "store": s3_store, "feedback": "human"}))
    run = str(run_id)

    def decisions() -> list[str]:
        return [key for key in store.list("runs") if "/decisions/" in key]

    # While it waits, no process holds anything, and somebody is told.
    waits = wait_for_state(client, run_id)
    assert waits.name == "Suspended"
    assert waits.state_details.pause_timeout is None  # it waits for as long as nobody answers
    process_id = int((client.read_flow_run(run_id).infrastructure_pid or "").rpartition(":")[2])
    wait_until(lambda: not Path(f"/proc/{process_id}").exists(), 300, "the suspended run's process has ended")
    wait_until(lambda: bool(received), 300, "the webhook is called")
    assert (received[0]["style"], received[0]["flow_run_id"]) == ("disc", run)
    assert f"Style disc waits for a reviewer: {received[0]['url']}" == received[0]["text"]

    # No answer, a wrong answer, a state set by hand: none of them is a decision.
    assert client.resume_flow_run(run_id).status == SetStateStatus.REJECT
    assert review(["approve", run, "--reviewer", "Ada", "--picks", "0,99"]) == 1
    assert "expected picks of the 6 images shown, got [99]" in capsys.readouterr().err
    client.set_flow_run_state(run_id, Completed(), force=True)
    assert review(["approve", run, "--reviewer", "Ada", "--picks", "0"]) == 1
    assert "to wait for a reviewer, got state Completed; nobody has answered it" in capsys.readouterr().err
    assert decisions() == store.list("styles") == []
    client.set_flow_run_state(run_id, Scheduled(), force=True)
    assert wait_for_state(client, run_id).name == "Suspended"
    assert decisions() == store.list("styles") == []

    assert review(["list"]) == 0
    assert f"{run}  disc  round 1 of 2 planned  since " in capsys.readouterr().out
    assert review(["show", run]) == 0
    shown = capsys.readouterr().out
    assert f"sheet       {s3_store}/runs/" in shown
    assert shown.count(" in flat style") == 6
    assert review(["approve", run, "--reviewer", "Ada", "--picks", "5,0,2", "--note", "by command"]) == 0
    assert review(["reject", run, "--reviewer", "Bob"]) == 1
    assert "it was answered already: 'approve' by Ada" in capsys.readouterr().err
    assert wait_for_state(client, run_id, leaving=StateType.PAUSED).type == StateType.COMPLETED

    published = current_version(store, "disc")
    [key] = decisions()
    decision = Decision.model_validate_json(store.read(key))
    assert (decision.reviewer, decision.picks, decision.note) == ("Ada", (5, 0, 2), "by command")
    feedback = FeedbackRecord.model_validate_json(
        store.read(f"styles/disc/versions/{published.version}/feedback/round-1.json")
    )
    version = Store(published.uri)
    assert feedback.kept == (0, 2, 5)
    prompts, _ = read_examples(version.read(feedback.table.uri), feedback.kept)
    assert json.loads(version.read("card.json"))["prompts"] == prompts
