"""Runs whose process nobody is left to mourn, on a real Prefect server."""

import os
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelling, Completed, Pending, Running, State, Suspended

from infra import deployments
from infra.deployments import POOL, crash_gone_runs


@flow(name="onboard-style")
def onboards() -> None:
    """Never runs."""


@pytest.fixture
def pool(prefect_client: SyncPrefectClient) -> str:
    if not any(pool.name == POOL for pool in prefect_client.read_work_pools()):
        prefect_client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    return POOL


def run_in(client: SyncPrefectClient, pool: str, name: str, state: State, process_id: int | None) -> UUID:
    deployment = client.create_deployment(client.create_flow(onboards), "default", work_pool_name=pool)
    run = client.create_flow_run_from_deployment(deployment, name=name)
    client.set_flow_run_state(run.id, state, force=True)
    if process_id is not None:
        client.update_flow_run(run.id, infrastructure_pid=f"host:{process_id}")
    return run.id


@pytest.mark.parametrize("is_worker_up", [False, True])
def test_runs_whose_process_is_gone_are_crashed_and_all_others_left(
    is_worker_up: bool, pool: str, prefect_client: SyncPrefectClient, prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "PAGE", 2)
    gone, alive = 2**22 + 1, os.getpid()
    wanted = {
        "running": (Running(), gone, StateType.CRASHED),
        "begun": (Pending(), gone, StateType.CRASHED),
        "being-cancelled": (Cancelling(), gone, StateType.CANCELLED),
        "about-to-start": (Pending(), None, StateType.PENDING if is_worker_up else StateType.CRASHED),
        "alive": (Running(), alive, StateType.RUNNING),
        "waits": (Suspended(), gone, StateType.PAUSED),
        "done": (Completed(), gone, StateType.COMPLETED),
    }
    runs = {name: run_in(prefect_client, pool, name, state, pid) for name, (state, pid, _) in wanted.items()}
    named = crash_gone_runs(prefect_api, {alive}, is_worker_up=is_worker_up)
    states = {name: prefect_client.read_flow_run(run_id).state for name, run_id in runs.items()}
    assert {name: state and state.type for name, state in states.items()} == {
        name: expected for name, (_, _, expected) in wanted.items()
    }
    assert any(f"running ({runs['running']}): Crashed" == one for one in named)
    assert not any(str(runs["alive"]) in one for one in named)
    for run_id in runs.values():
        prefect_client.delete_flow_run(run_id)
