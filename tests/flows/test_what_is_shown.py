"""What people look at while a style is onboarded: artifacts that lead to each other, and one line a stage."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, PREFECT_UI_URL, temporary_settings

from data.documents import defaults
from data.documents.style_spec import parse_spec
from flows.onboard_style import onboard_style

UI = "http://127.0.0.1:4200"


@pytest.fixture
def run_id(spec_document: dict[str, Any], prefect_api: str, learnt: None) -> UUID:
    """A style onboarded with logs to the API and a UI at a known address."""
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: True, PREFECT_UI_URL: UI}):
        state = onboard_style(parse_spec(spec_document), return_state=True)
        APILogWorker.drain_all(timeout=60)
    return state.state_details.flow_run_id


def test_artifacts_lead_to_each_other_and_every_stage_has_a_line(
    run_id: UUID, prefect_client: SyncPrefectClient
) -> None:
    filters = {"artifacts": {"flow_run_id": {"any_": [str(run_id)]}}}
    found = {
        re.sub("-[0-9a-f]{16}", "", artifact["key"]): artifact
        for artifact in prefect_client.request("POST", "/artifacts/filter", json=filters).json()
        if artifact["key"] is not None  # results have none
    }
    assert set(found) >= {
        "tuning-round-1", "sampling-round-1", "tuning-round-2", "evaluation-round-0", "evaluation-round-1",
        "evaluation-round-2", "guidance", "scores", "rounds", "card",
    }  # fmt: skip
    assert found["tuning-round-1"]["data"] == 100.0
    assert "data:image/png;base64," in found["rounds"]["data"]
    tried = json.loads(found["guidance"]["data"])
    assert [row["λ_A"].partition(" ")[0] for row in tried] == [str(value) for value in defaults.OF_EMBEDDED.lambdas_a]
    assert len([row for row in tried if row["λ_A"].endswith("(chosen)")]) == 1
    assert "| 2 | adapter | 2 | 3 |" in found["card"]["data"]  # round, method, images, steps
    table = json.loads(found["scores"]["data"])
    assert [row["round"] for row in table] == ["base", "round 1", "round 2"]
    for row in table:
        assert re.fullmatch(r"-?\d\.\d{3} ± \d\.\d{3}", row["Text ↑"])
        assert bool(re.match(r"-?\d\.\d{3} ± \d\.\d{3}, not above 0", row["Leak ↓"])) == (row["round"] != "base")
        assert row["a fish"].startswith("![a fish](data:image/webp;base64,")

    # Every artifact in the trail is there.
    keys = {artifact["key"] for artifact in found.values()}
    for text in (found["rounds"]["data"], found["card"]["data"], found["scores"]["description"]):
        linked = re.findall(rf"\]\({UI}/artifacts/key/([^)]+)\)", text)
        assert len(linked) == 8
        assert set(linked) <= keys

    wanted = {"logs": {"flow_run_id": {"any_": [str(run_id)]}}}
    logs = [line["message"] for line in prefect_client.request("POST", "/logs/filter", json=wanted).json()]
    for stage in (
        r"tune round 1: 3/3 in \d+ s, loss \d", r"candidates of round 1: 6/6 in \d+ s", r"tune round 2: 3/3",
        r"base: Text -?\d\.\d+ ± ", r"published: file://.*styles/disc/versions/",
    ):  # fmt: skip
        assert len([line for line in logs if re.match(stage, line)]) == 1, (stage, logs)
