"""Deployed runs, while worker, server, database, store and the runs are killed and the store fails in between."""

import os
import random
import time
from typing import Any
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from bench.chaos.trial import Trial
from bench.local_stack import PATIENCE_S, LocalStack, patiently

VICTIMS = ("run", "worker", "server", "postgres", "seaweedfs")
APART_S = 15.0
"""Between two kills: a part that dies again within ten seconds three times is given up."""

ABSENT_S = 180.0
"""How long a victim is waited for: a run's process is there some time after the run was asked for."""

GONE_S = 60.0
"""How long there is no process before somebody looks after it."""

ATTEMPTS = 6
DEPLOYMENT = "onboard-style/default"


def kill_the_stack(trial: Trial, stack: LocalStack, spec: dict[str, Any], rng: random.Random) -> None:
    """Start one deployed run, kill each victim once, start the style again until it is published, and judge it."""
    try:
        _kill_each_once(trial, stack, spec, rng)
    except Exception as error:  # whatever does not come back is what is counted
        trial.problem(f"{spec['name']} in {spec['store']}: {type(error).__name__}: {error}")
    trial.judge(spec["store"], spec["name"])


def _kill_each_once(trial: Trial, stack: LocalStack, spec: dict[str, Any], rng: random.Random) -> None:
    victims = rng.sample(VICTIMS, len(VICTIMS))
    with (
        temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        for attempt in range(ATTEMPTS):
            run_id = _start(client, spec, attempt)
            while victims and not _has_ended(client, run_id):
                if not _kill(trial, stack, victims[-1]):  # a run that lost its process before it could say so
                    break
                victims.pop()
                time.sleep(rng.uniform(APART_S, 2 * APART_S))
            if _settle(client, stack, run_id).state_type == StateType.COMPLETED:
                break
    for victim in victims:
        trial.problem(f"{spec['store']} was over before {victim} could be killed")


def _start(client: SyncPrefectClient, spec: dict[str, Any], attempt: int) -> UUID:
    def create() -> UUID:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        key = f"{spec['store']}-{attempt}"  # asked twice, because the answer was lost, it is one run
        return client.create_flow_run_from_deployment(
            deployment.id, parameters={"spec": spec}, name=key, idempotency_key=key
        ).id

    return patiently(create)


def _kill(trial: Trial, stack: LocalStack, victim: str) -> bool:
    """Kill a victim; false if there is none, and none comes."""
    give_up = time.monotonic() + ABSENT_S
    while True:
        found = stack.runs()[:1] if victim == "run" else [stack.server(victim)]
        if found and found[0] is not None:
            break
        if time.monotonic() > give_up:
            return False
        time.sleep(0.5)
    with_children = [found[0], *(found[0].children(recursive=True) if victim == "postgres" else [])]
    for process in with_children:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    trial.kills += 1
    trial.hits[victim] += 1
    return True


def _read(client: SyncPrefectClient, run_id: UUID) -> FlowRun:
    return patiently(lambda: client.read_flow_run(run_id))


def _has_ended(client: SyncPrefectClient, run_id: UUID) -> bool:
    state = _read(client, run_id).state
    return state is not None and state.is_final()


def _settle(client: SyncPrefectClient, stack: LocalStack, run_id: UUID) -> FlowRun:
    """Wait until the run is over; if its process is gone without a word, `up` finds out, as docs/operations.md says."""
    give_up, gone_since = time.monotonic() + PATIENCE_S, 0.0
    while time.monotonic() < give_up:
        run = _read(client, run_id)
        if run.state is not None and run.state.is_final():
            return run
        gone_since = 0.0 if stack.runs() else gone_since or time.monotonic()
        if gone_since and time.monotonic() - gone_since > GONE_S:
            stack.up()
            gone_since = 0.0
        time.sleep(1)
    raise TimeoutError(f"waited {PATIENCE_S:.0f} s for run {run_id}, which is {run.state_name}")
