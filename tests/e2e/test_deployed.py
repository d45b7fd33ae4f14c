"""A deployed run waits for a person: suspended, answered through the API, and gone on with."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType

from data.candidates import from_parquet
from data.publication import current_version
from data.records import Decision, FeedbackRecord
from data.spec import parse_spec
from data.store import Store
from tests.processes import wait_until

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.e2e


def test_a_deployed_human_round_is_suspended_answered_and_tuned_on_exactly_the_picks(
    spec_document: dict[str, Any], s3_store: str, worker_pool: str, prefect_client: SyncPrefectClient
) -> None:
    spec = parse_spec({**spec_document, "store": s3_store, "feedback": "human"})
    deployed = Flow.from_source(str(REPOSITORY), "flows/onboard_style.py:onboard_style")
    deployment_id = deployed.deploy("test", work_pool_name=worker_pool, build=False, push=False, print_next_steps=False)
    assert isinstance(deployment_id, UUID)
    client = prefect_client
    run_id = client.create_flow_run_from_deployment(deployment_id, parameters={"spec": spec.model_dump(mode="json")}).id

    def state_type() -> StateType | None:
        return client.read_flow_run(run_id).state_type

    settled = {StateType.PAUSED, StateType.COMPLETED, StateType.FAILED, StateType.CRASHED}
    wait_until(lambda: state_type() in settled, 300, "the run is suspended")
    assert client.read_flow_run(run_id).state_name == "Suspended"
    store = Store(s3_store)
    assert store.list("styles") == []

    # While it waits, no process holds anything.
    process_id = int((client.read_flow_run(run_id).infrastructure_pid or "").rpartition(":")[2])
    wait_until(lambda: not Path(f"/proc/{process_id}").exists(), 300, "the suspended run's process has ended")
    answer = {"decision": "approve", "reviewer": "Ada", "picks": [5, 0, 2], "note": "through the API"}
    client.resume_flow_run(run_id, run_input=answer)
    settled.remove(StateType.PAUSED)
    wait_until(lambda: state_type() in settled, 300, "the run has ended")
    assert state_type() == StateType.COMPLETED, client.read_flow_run(run_id).state

    published = current_version(store, "disc")
    [key] = [key for key in store.list("runs") if "/decisions/" in key]
    decision = Decision.model_validate_json(store.read(key))
    assert (decision.reviewer, decision.picks) == ("Ada", (5, 0, 2))
    feedback = FeedbackRecord.model_validate_json(
        store.read(f"styles/disc/versions/{published.version}/feedback/round-1.json")
    )
    rows = from_parquet(store.read_blob(feedback.table))
    assert [row.index for row in rows if row.kept] == [0, 2, 5]
    assert [store.read_blob(example.image) for example in feedback.examples] == [rows[i].image for i in (0, 2, 5)]
