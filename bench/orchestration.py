"""What does the pipeline cost over the bare library? The same onboarding both ways, each in a process of its own.

    python -m bench.orchestration [--spec examples/demo.yaml] [--repeats 2]

The pipeline is `styledrop-onboard-style` with CLIP feedback, onto a store in a temporary folder,
against a Prefect server that is already running: that of $PREFECT_API_URL, or else one of our own, whose
start is measured apart. The library's side is `bench.bare_library`. Both have to end with the same weights.
They take turns, since a busy machine changes its pace; processor seconds say what no neighbour changes.
A style that is not learnt, or leaks, waits for a person's word: it gets "publish" then, and the wait counts.

overhead               share of the library's wall time that comes on top, from process start to end (medians)
overhead_cpu           the same of processor seconds, without the server's
seconds_per_style      that time itself, and _per_candidate what a candidate takes longer in the pipeline
where                  seconds by stage, library and pipeline, medians
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from data.documents.defaults import of_base
from data.documents.spec import read_spec
from data.documents.style_spec import StyleSpec
from data.pictures.images import from_png
from data.records.onboarding import AdapterRecord, Run
from data.records.sampling_plan import SamplingPlan, plan_sampling
from data.store.files import Store, read_blob
from data.store.publication import current_version
from data.store.published_style import read_version
from styledrop.model_spec import tensors_sha256
from tasks.models import open_base
from tasks.onboarding.prepare import prepare
from tasks.sampling import draw_seed, planned_images

REPOSITORY = Path(__file__).parents[1]
POLL_S = 0.05
_ASKED = re.compile(r"waiting for a reviewer: styledrop-review-terminal show (\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One onboarding."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    stages: Mapping[str, float]
    weights_sha256: str


def write_plan(spec: StyleSpec, folder: Path) -> Path:
    """All that the library needs to do the spec's work: pictures, prompts and seeds as the pipeline has them."""
    run = prepare.fn(spec.model_copy(update={"store": str(folder / "plan")}))
    references = []
    for number, example in enumerate(run.references):
        references.append(str(folder / f"reference-{number}.png"))
        from_png(Store(run.store).read_blob(example.image)).save(references[-1])
    plan = {
        "base": spec.base,
        "references": references,
        "reference_prompts": [example.prompt for example in run.references],
        "views": spec.reference_views,
        "view_seeds": [draw_seed(spec.seed, "views", number) for number in range(len(run.references))],
        "rounds": [
            {"tuning": spec.tuning(number).model_dump(), "seed": draw_seed(spec.seed, f"round {number}")}
            for number in range(1, spec.rounds + 1)
        ],
        "candidates": [
            _wanted(_candidates(run, number)) for number in range(1, spec.rounds)
        ],
        "evaluation": _wanted(
            plan_sampling(
                run,
                None,
                prompts=spec.evaluation_prompts,
                images_per_phrase=spec.images_per_evaluation_prompt,
                purpose="evaluation",
                settings=spec.evaluation_sampling,
            )
        ),
    }  # fmt: skip
    path = folder / "plan.json"
    path.write_text(json.dumps(plan))
    return path


def measure_library(plan: Path) -> Measured:
    """The plan's work by the library alone."""
    output, wall_s, cpu_s, peak_mib = _timed([sys.executable, "-m", "bench.bare_library", str(plan)], dict(os.environ))
    found = json.loads(output.splitlines()[-1])
    stages = {"imports": wall_s - sum(found["seconds"].values()), **found["seconds"]}
    return Measured(
        wall_s=wall_s, cpu_s=cpu_s, peak_mib=peak_mib, stages=stages, weights_sha256=found["weights_sha256"]
    )


def measure_pipeline(spec: StyleSpec, folder: Path, api_url: str) -> Measured:
    """The spec's work by the pipeline, onto a new store in `folder`."""
    spec = spec.model_copy(update={"store": f"file://{folder}/store"})
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json())
    environment = {
        **os.environ,
        "PREFECT_API_URL": api_url,
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "STYLEDROP_WORK": str(folder / "work"),
    }
    began = time.time()
    command = [sys.executable, "-m", "flows.onboard_style", "--spec", str(path)]
    _, wall_s, cpu_s, peak_mib = _timed(command, environment)
    published = read_version(current_version(Store(spec.store), spec.name).uri)
    return Measured(
        wall_s=wall_s,
        cpu_s=cpu_s,
        peak_mib=peak_mib,
        stages=_stages(api_url, began, wall_s),
        weights_sha256=tensors_sha256(read_blob(published.adapter["adapter.safetensors"])),
    )


def summarize(library: Sequence[Measured], pipeline: Sequence[Measured], candidates: int) -> dict[str, Any]:
    """The figures of the module's docstring, and the spread of the wall times."""
    wall = [statistics.median(run.wall_s for run in runs) for runs in (library, pipeline)]
    cpu = [statistics.median(run.cpu_s for run in runs) for runs in (library, pipeline)]
    where = {
        name: {
            stage: round(statistics.median(run.stages[stage] for run in runs), 2) for stage in runs[0].stages
        }
        for name, runs in (("library", library), ("pipeline", pipeline))
    }  # fmt: skip
    drawing = [sum(s for stage, s in where[name].items() if stage.startswith("candidates")) for name in where]
    return {
        "overhead": round(wall[1] / wall[0] - 1, 4),
        "overhead_cpu": round(cpu[1] / cpu[0] - 1, 4),
        "seconds_per_style": round(wall[1] - wall[0], 1),
        "seconds_per_candidate": round((drawing[1] - drawing[0]) / max(candidates, 1), 4),
        "library_s": [round(run.wall_s, 1) for run in library],
        "pipeline_s": [round(run.wall_s, 1) for run in pipeline],
        "library_cpu_s": [round(run.cpu_s, 1) for run in library],
        "pipeline_cpu_s": [round(run.cpu_s, 1) for run in pipeline],
        "library_mib": round(max(run.peak_mib for run in library)),
        "pipeline_mib": round(max(run.peak_mib for run in pipeline)),
        "same_weights": len({run.weights_sha256 for run in (*library, *pipeline)}) == 1,
        "where": where,
    }


@contextmanager
def prefect_server(folder: Path) -> Iterator[tuple[str, float]]:
    """The address of a server that answers, and how long it took to start: $PREFECT_API_URL's, or one of our own."""
    given = os.environ.get("PREFECT_API_URL")
    if given:
        yield given, 0.0
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, started = f"http://127.0.0.1:{port}/api", time.monotonic()
    environment = {**os.environ, "PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        while not _answers(f"{url}/health"):
            if server.poll() is not None or time.monotonic() - started > 600:
                raise RuntimeError((folder / "server.log").read_text()[-2000:])
            time.sleep(0.2)
        yield url, time.monotonic() - started
    finally:
        server.kill()
        server.wait()


def _candidates(run: Run, round_number: int) -> SamplingPlan:
    adapter = AdapterRecord(round_number=round_number, files={}, parameters=0, final_loss=0, seconds=0)
    return plan_sampling(
        run,
        adapter,
        prompts=run.spec.prompts,
        images_per_phrase=run.spec.images_per_prompt,
        purpose=f"candidates of round {round_number}",
        settings=run.spec.candidate_sampling,
    )


def _wanted(drawing: SamplingPlan) -> dict[str, Any]:
    phrases, seeds = zip(*planned_images(drawing), strict=True)
    return {
        "prompts": [drawing.prompt(phrase) for phrase in phrases],
        "seeds": seeds,
        "settings": {**drawing.settings.model_dump(), "lambda_a": drawing.styles[0].lambda_a},
    }


def _timed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, float, float, float]:
    """Run to the end; gives the output, wall and processor seconds, and the largest size in MiB."""
    asked = None
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=output, stderr=output)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        while not ended:
            time.sleep(POLL_S)
            if asked is None and (asked := _ASKED.search(os.pread(output.fileno(), 2**20, 0).decode(errors="replace"))):
                answer = ["-m", "review.terminal", "publish", asked[1], "--reviewer", "bench.orchestration"]
                subprocess.run([sys.executable, *answer], env=environment, cwd=REPOSITORY, check=True)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        wall_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {text[-2000:]}")
    return text, wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _stages(api_url: str, began: float, wall_s: float) -> dict[str, float]:
    """What the server says of the latest run: from process start to the flow, each task, between tasks, and the end."""
    order = {"sort": "START_TIME_DESC", "limit": 1}
    [run] = httpx.post(f"{api_url}/flow_runs/filter", json=order, timeout=60, trust_env=False).json()
    of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    tasks = httpx.post(f"{api_url}/task_runs/filter", json=of_run, timeout=60, trust_env=False).json()
    first, last = _seconds(run["start_time"]), _seconds(run["end_time"])
    stages = {"until the flow starts": first - began}
    for task in sorted(tasks, key=lambda task: task["start_time"]):
        name = _stage(task["name"])
        stages[name] = stages.get(name, 0.0) + _seconds(task["end_time"]) - _seconds(task["start_time"])
    stages["between tasks"] = last - began - sum(stages.values())
    stages["after the flow"] = began + wall_s - last
    return {name: round(seconds, 3) for name, seconds in stages.items()}


def _stage(task_name: str) -> str:
    # "tune-round-1" is named by us, "sample_candidates-3f2" by Prefect.
    name = task_name.removeprefix("tune-round-")
    if name != task_name:
        return f"tune {name}"
    name = task_name.rpartition("-")[0]
    return {"sample_candidates": "candidates", "evaluate_round": "evaluation"}.get(name, name)


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.orchestration")
    parser.add_argument("--spec", type=Path, default=REPOSITORY / "examples" / "demo.yaml", help="with CLIP feedback")
    parser.add_argument("--repeats", type=int, default=2, help="of each side")
    arguments = parser.parse_args()
    spec = read_spec(arguments.spec, StyleSpec)
    if spec.feedback != "clip" or spec.kept_per_prompt != 1:
        parser.error("expected a spec with clip feedback that keeps one candidate of each prompt")
    # A λ_A of the spec's own: the library alone makes no sweep over it.
    lambda_a = spec.evaluation_sampling.lambda_a_or(of_base(spec.base))
    sampling = spec.evaluation_sampling.model_copy(update={"lambda_a": lambda_a})
    library, pipeline = [], []
    with tempfile.TemporaryDirectory() as name, prefect_server(Path(name)) as (api_url, server_start_s):
        # Nor does it enlarge.
        small = shutil.copytree(
            open_base(spec.base).folder, Path(name) / "base", ignore=shutil.ignore_patterns("super_resolution")
        )
        spec = spec.model_copy(update={"evaluation_sampling": sampling, "base": str(small)})
        plan = write_plan(spec, Path(name))
        for number in range(arguments.repeats):
            folder = Path(name) / f"repeat-{number}"
            folder.mkdir()
            library.append(measure_library(plan))
            pipeline.append(measure_pipeline(spec, folder, api_url))
            for side, run in (("library", library[-1]), ("pipeline", pipeline[-1])):
                print(f"{number + 1}/{arguments.repeats} {side}: {run.wall_s:.1f} s, {run.cpu_s:.1f} s CPU", flush=True)
    summary = summarize(library, pipeline, len(spec.prompts) * spec.images_per_prompt * (spec.rounds - 1))
    for side, stages in summary["where"].items():
        print(f"{side}: " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in stages.items()))
    print(json.dumps({**summary, "server_start_s": round(server_start_s, 1)}))


if __name__ == "__main__":
    main()
