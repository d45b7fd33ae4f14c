"""Where the parts of a sampling plan are drawn: in this process, or on the workers of a Dask cluster.

    STYLEDROP_DASK=2                    two worker processes on this machine, for the time of the flow run
    STYLEDROP_DASK=tcp://HOST:8786      the workers of a cluster that runs already

It is a setting of the process, no part of any spec: the images, and so all keys, are the same. In a
deployment, set it for a single run with `--job-variable`, see docs/scale.md. Each worker draws with one
thread; a cluster of your own should be started so too (`dask worker --nthreads 1`), with this checkout
and the library installed, and the store and the base within reach. So has to be Prefect's API, by
PREFECT_API_URL: without one, every worker would start a server of its own.
"""

import os
from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from data.errors import SpecError


def task_runner() -> TaskRunner[Any]:
    """What $STYLEDROP_DASK asks for; without it Prefect's default, which draws in this process.

    Raises:
        SpecError: if it is neither a number of workers nor an address.
    """
    wanted = os.environ.get("STYLEDROP_DASK", "")
    if not wanted:
        return ThreadPoolTaskRunner()
    from prefect_dask.task_runners import DaskTaskRunner  # a second of imports that nobody else pays

    if wanted.isdecimal() and int(wanted) > 0:
        cluster = {"n_workers": int(wanted), "threads_per_worker": 1, "processes": True, "dashboard_address": None}
        return DaskTaskRunner(cluster_kwargs={**cluster, "host": "127.0.0.1"})
    if "://" in wanted:
        return DaskTaskRunner(address=wanted)
    raise SpecError(f"STYLEDROP_DASK: expected a number of workers or an address as tcp://HOST:8786, got {wanted!r}")
