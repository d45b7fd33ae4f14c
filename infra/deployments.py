"""The work pool with its queues, and the deployments of prefect.yaml.

One pool, two queues: what needs an accelerator waits in `tuning`, whose limit is the number of accelerators;
batches, which only watch, run beside it. A limit on the pool would let waiting batches keep their own styles out.

    python -m infra.deployments --limit 8      for a server elsewhere: that of $PREFECT_API_URL
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import httpx

POOL = "styledrop"
TUNING_QUEUE = "tuning"
BATCH_QUEUE = "batches"
BATCHES_AT_ONCE = 4
PAGE = 200
"""Runs that Prefect's API gives at once."""
DEPLOY = (sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all")


def is_worker_online(api_url: str) -> bool:
    """Whether a worker of the pool has been heard of lately."""
    try:
        response = httpx.post(f"{api_url}/work_pools/{POOL}/workers/filter", json={}, timeout=10, trust_env=False)
    except httpx.HTTPError:
        return False
    return response.is_success and any(worker["status"] == "ONLINE" for worker in response.json())


def crash_gone_runs(api_url: str, alive: Collection[int], *, is_worker_up: bool) -> list[str]:
    """Set the pool's runs to Crashed whose process is gone, and name them; else they keep their places for ever.

    After a power cut nobody is left to say that a run has ended. A run that was being cancelled is Cancelled.

    Args:
        api_url: Of the Prefect server.
        alive: Numbers of the runs' processes on this machine, which is the pool's only one.
        is_worker_up: Whether a run that has no process yet is about to get one.

    Raises:
        httpx.HTTPError: if the server does not answer.
    """
    gone = []
    with httpx.Client(base_url=f"{api_url}/", timeout=30, trust_env=False) as client:
        for run in _unfinished_runs(client):
            process_id = (run["infrastructure_pid"] or "").rpartition(":")[2]
            if int(process_id) in alive if process_id.isdecimal() else is_worker_up:
                continue
            state = "CANCELLED" if run["state_type"] == "CANCELLING" else "CRASHED"
            wish = {"type": state, "message": "its process was gone when the stack was started"}
            client.post(f"flow_runs/{run['id']}/set_state", json={"state": wish, "force": True}).raise_for_status()
            gone.append(f"{run['name']} ({run['id']}): {state.capitalize()}")
    return gone


def _unfinished_runs(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    wanted = {
        "flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}},
        "work_pools": {"name": {"any_": [POOL]}},
        "limit": PAGE,
    }
    while True:
        response = client.post("flow_runs/filter", json={**wanted, "offset": len(found)})
        page = response.raise_for_status().json()
        found += page
        if len(page) < PAGE:
            return found


def set_limits(api_url: str, tuning_limit: int) -> None:
    """Set the limits of the pool's queues, which are made if they are not there; the worker has made the pool."""
    for name, limit in ((TUNING_QUEUE, tuning_limit), (BATCH_QUEUE, BATCHES_AT_ONCE)):
        queues = f"{api_url}/work_pools/{POOL}/queues"
        with httpx.Client(timeout=30, trust_env=False) as client:
            if client.get(f"{queues}/{name}").status_code == httpx.codes.NOT_FOUND:
                client.post(queues, json={"name": name}).raise_for_status()
            client.patch(f"{queues}/{name}", json={"concurrency_limit": limit}).raise_for_status()


def deploy_all(repository: Path, environment: Mapping[str, str]) -> None:
    """Register what prefect.yaml says.

    Raises:
        subprocess.CalledProcessError: if it cannot be registered; its output says why.
    """
    subprocess.run(
        DEPLOY,
        env={**os.environ, **environment}, cwd=repository, check=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m infra.deployments", description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=1, help="runs that tune or sample at once; one per accelerator")
    limit = parser.parse_args().limit
    set_limits(os.environ["PREFECT_API_URL"], limit)
    subprocess.run(DEPLOY, cwd=Path(__file__).resolve().parents[1], check=True)
