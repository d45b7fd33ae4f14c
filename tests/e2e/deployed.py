"""Deployed onboarding runs: started and waited for."""

from pathlib import Path
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State, StateType

from data.documents.style_spec import StyleSpec
from tests.processes import wait_until

REPOSITORY = Path(__file__).parents[2]

SETTLED = {StateType.PAUSED, StateType.COMPLETED, StateType.FAILED, StateType.CRASHED}


def start_onboarding(client: SyncPrefectClient, spec: StyleSpec) -> UUID:
    """Deploy the flow to the worker's pool, and start a run of it."""
    deployed = Flow.from_source(str(REPOSITORY), "flows/onboard_style.py:onboard_style")
    deployment_id = deployed.deploy("test", work_pool_name="test", build=False, push=False, print_next_steps=False)
    assert isinstance(deployment_id, UUID)
    return client.create_flow_run_from_deployment(deployment_id, parameters={"spec": spec.model_dump(mode="json")}).id


def wait_for_state(client: SyncPrefectClient, run_id: UUID, leaving: StateType | None = None) -> State:
    """The state in which the run is suspended or over, another one than `leaving`."""

    def state() -> State:
        found = client.read_flow_run(run_id).state
        assert found is not None
        return found

    wait_until(lambda: state().type in SETTLED - {leaving}, 300, "the run is suspended or over")
    return state()
