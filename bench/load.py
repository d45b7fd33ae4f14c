"""What becomes of a large batch, and what does the pipeline itself cost for each style of it?

    python -m bench.load [--styles 200] [--limit 2]

`onboard-batch` on a stack of its own (`infra.stack`), with the smallest styles (`bench.smallest`), first a quarter of
them, then all. Of every ten styles one has a row that is bad, one loses its image after the batch has been planned, and
one waits for a reviewer. The store answers 500 or refuses connections in between. As docs/operations.md says, the batch
is run again while there are styles that could be published and are not.

published              styles in the store, of those that could be published (`expected`)
named                  bad rows and failed styles that the report names, each with a reason, of those made to fail
waiting                styles that wait for a reviewer, of those with human feedback
lost                   styles that are neither published, nor named, nor waiting
duplicated             styles published more than once, or by two runs
batches                how often the batch was run
wall_s                 from the first batch's start to the last one's end
seconds_per_style      `wall_s` by styles that were run
own_seconds_per_style  the same without what tuning, drawing and scoring take, for each place in the queue
plan_s, report_s       what the batch itself needs before and after the runs, the last time

The last line is JSON: these by size, and `growth`, the own seconds for each style of all over those of a quarter.
"""

import argparse
import io
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pyarrow.parquet as pq
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from bench.local_stack import LocalStack, local_stack, patiently
from bench.smallest import draw_reference, learnable_settings, smallest_style
from data.store.files import Store
from data.store.pointer import read_pointer, style_folder

WORK = ("tokenize", "tune-round", "sample_candidates", "choose_guidance", "evaluate_round", "enlarge")
"""Tasks that do what the library does, by how their runs are named."""

BATCHES_AT_MOST = 6
WELL_S, ILL_S = 60.0, 6.0
PAGE = 200
PATIENCE_S = 4 * 3600.0

T = TypeVar("T")


def rows(count: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The manifest of `count` styles, and what each is: "good", "human", "bad" or "gone"."""
    style = {key: value for key, value in smallest_style("", "").items() if key not in ("name", "references")}
    style |= {"images": "disc.png", "content_phrase": "a disc", "style_phrase": "in flat style"}
    made, kinds = [], {}
    for number in range(count):
        kind = {3: "bad", 6: "gone", 9: "human"}.get(number % 10, "good")
        row = {**style, "name": f"{kind}-{number:03}"}
        match kind:
            case "bad":
                row |= {"images": "torn.png"} if number % 20 == 3 else {"consent": ""}
            case "gone":
                row |= {"images": f"gone-{number:03}.png"}
            case "human":
                row |= {"feedback": "human"}
        made.append(row)
        kinds[row["name"]] = kind
    # Those that lose their image come last, so that none is under way already when it does.
    return sorted(made, key=lambda row: kinds[row["name"]] == "gone"), kinds


def outcome(kinds: dict[str, str], report: Sequence[dict[str, Any]], published: dict[str, int]) -> dict[str, int]:
    """The counts of the module's docstring, of the last report's rows and how often each style was published."""
    became = {row["name"]: row for row in report}
    named = {name for name, row in became.items() if row["state"] in ("bad row", "failed") and row["reason"]}
    waiting = {name for name, row in became.items() if row["state"] == "waiting"}
    of_kind = Counter(kinds.values())
    return {
        "expected": of_kind["good"],
        "published": sum(kind == "good" and published.get(name, 0) > 0 for name, kind in kinds.items()),
        "made_to_fail": of_kind["bad"] + of_kind["gone"],
        "named": sum(kind in ("bad", "gone") and name in named for name, kind in kinds.items()),
        "human": of_kind["human"],
        "waiting": sum(kind == "human" and name in waiting for name, kind in kinds.items()),
        "lost": sum(not published.get(name) and name not in named | waiting for name in kinds),
        "duplicated": sum(times > 1 for times in published.values()),
    }


def measure(stack: LocalStack, client: SyncPrefectClient, base: Path, reference: Path, count: int) -> dict[str, Any]:
    """Run one batch of `count` styles until nothing is left to do."""
    store = Store(f"s3://styles/load-{count}")
    manifest, kinds = rows(count)
    image = reference.read_bytes()
    gone = [f"incoming/{row['images']}" for row in manifest if kinds[row["name"]] == "gone"]
    for key in ("incoming/disc.png", *gone):
        store.write_new(key, image)
    store.write_new("incoming/torn.png", image[:100])
    name = f"load-{count}"
    store.write_new(f"incoming/{name}.yaml", yaml.safe_dump(manifest).encode())
    parameters = {
        "manifest_uri": f"{store.uri}/incoming/{name}.yaml",
        "settings": learnable_settings(store.uri, base),
    }
    before, started = stack.store.outages, time.monotonic()
    rng = random.Random(count)
    with stack.store.flapping(rng, WELL_S, ILL_S):
        for batches in range(1, BATCHES_AT_MOST + 1):
            run = _run_batch(client, parameters, f"{name}-{batches}", store, gone if batches == 1 else [])
            report = _report(client, run)
            unfinished = {row["name"] for row in report if row["state"] == "failed"} & {
                style for style, kind in kinds.items() if kind in ("good", "human")
            }
            if report and not unfinished:
                break
    wall_s = time.monotonic() - started
    tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"batch:{name}"]))
    runs = _pages(lambda offset: client.read_flow_runs(flow_run_filter=tagged, limit=PAGE, offset=offset))
    work_s = sum(task.total_run_time.total_seconds() for task in _tasks(client, runs) if task.name.startswith(WORK))
    published = {style: _times_published(store, style) for style in kinds}
    tasks = {task.name.rpartition("-")[0]: task.total_run_time.total_seconds() for task in _tasks(client, [run])}
    return {
        "styles": count,
        **outcome(kinds, report, published),
        "batches": batches,
        "runs": len(runs),
        "outages": stack.store.outages - before,
        "wall_s": round(wall_s),
        "seconds_per_style": round(wall_s / len(runs), 2),
        "own_seconds_per_style": round((wall_s * stack.limit - work_s) / len(runs), 2),
        "plan_s": round(tasks.get("plan_batch", 0.0), 1),
        "report_s": round(tasks.get("report_batch", 0.0), 1),
    }


def _run_batch(
    client: SyncPrefectClient, parameters: dict[str, Any], key: str, store: Store, gone: Sequence[str]
) -> FlowRun:
    """Run the batch to its end; the files `gone` are removed as soon as it has been planned."""
    deployment = patiently(lambda: client.read_deployment_by_name("onboard-batch/default"))
    run_id: UUID = patiently(
        lambda: client.create_flow_run_from_deployment(deployment.id, parameters=parameters, idempotency_key=key)
    ).id
    give_up, left = time.monotonic() + PATIENCE_S, list(gone)
    while time.monotonic() < give_up:
        run = patiently(lambda: client.read_flow_run(run_id))
        if left and any(
            task.name.startswith("plan_batch") and task.state is not None and task.state.is_final()
            for task in _tasks(client, [run])
        ):
            while left:
                store.remove(left.pop())
        if run.state is not None and run.state.is_final():
            return run
        time.sleep(2)
    raise TimeoutError(f"waited {PATIENCE_S:.0f} s for batch {key}")


def _report(client: SyncPrefectClient, run: FlowRun) -> list[dict[str, Any]]:
    """The rows of the report that a batch's run has written; none if it ended before."""
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    tables = [one for one in patiently(lambda: client.read_artifacts(artifact_filter=mine)) if one.type == "table"]
    if not tables:
        return []
    folder, _, file = str(tables[0].description).rpartition(" ")[2].rpartition("/")
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(Store(folder).read(file))).to_pylist()
    return rows


def _times_published(store: Store, name: str) -> int:
    pointer = read_pointer(style_folder(store, name))
    return 0 if pointer is None else max(len(pointer.history), len(style_folder(store, name).folders("versions")))


def _tasks(client: SyncPrefectClient, runs: Sequence[FlowRun]) -> list[TaskRun]:
    found: list[TaskRun] = []
    for start in range(0, len(runs), 20):
        of_runs = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs[start : start + 20]]))
        found += _pages(partial(_task_page, client, of_runs))
    return found


def _task_page(client: SyncPrefectClient, of_runs: FlowRunFilter, offset: int) -> list[TaskRun]:
    read: list[TaskRun] = client.read_task_runs(flow_run_filter=of_runs, limit=PAGE, offset=offset)
    return read


def _pages(read: Callable[[int], list[T]]) -> list[T]:
    """All that `read` gives, which is asked page by page for what follows so many."""
    found: list[T] = []
    while len(page := patiently(partial(read, len(found)))) == PAGE:
        found += page
    return found + page


def main() -> None:
    """Measure a quarter and the whole, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__.splitlines()[0])
    parser.add_argument("--styles", type=int, default=200, help="in the larger batch; at least 40")
    parser.add_argument("--limit", type=int, default=2, help="styles that are onboarded at once")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="load-") as name,
        local_stack(Path(name) / "stack", arguments.limit) as stack,
    ):
        from bench.tiny_base import save_learnable_base  # with it come torch and what takes as long

        base, reference = Path(name) / "base", Path(name) / "disc.png"
        save_learnable_base(base)
        draw_reference(reference)
        with (
            temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}),
            get_client(sync_client=True) as client,
        ):
            sizes = []
            for count in (arguments.styles // 4, arguments.styles):
                sizes.append(measure(stack, client, base, reference, count))
                print(json.dumps(sizes[-1]), flush=True)
    growth = sizes[1]["own_seconds_per_style"] / sizes[0]["own_seconds_per_style"]
    print(json.dumps({"sizes": sizes, "growth": round(growth, 3)}))


if __name__ == "__main__":
    main()
