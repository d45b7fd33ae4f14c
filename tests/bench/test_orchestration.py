import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.orchestration import Measured, summarize

REPOSITORY = Path(__file__).parents[2]


def measured(wall_s: float, cpu_s: float, stages: dict[str, float], weights: str = "same") -> Measured:
    return Measured(wall_s=wall_s, cpu_s=cpu_s, peak_mib=100.0, stages=stages, weights_sha256=weights)


def test_overhead_is_what_comes_on_top_of_the_median() -> None:
    library = [measured(wall, 90, {"imports": 5.0, "candidates 1": 40.0}) for wall in (100, 110, 90)]
    pipeline = [measured(wall, 99, {"until the flow starts": 9.0, "candidates": 41.0}) for wall in (105, 300, 103)]
    summary = summarize(library, pipeline, candidates=10)
    assert summary["overhead"] == 0.05
    assert summary["overhead_cpu"] == 0.1
    assert summary["seconds_per_style"] == 5.0
    assert summary["seconds_per_candidate"] == 0.1
    assert summary["pipeline_s"] == [105, 300, 103]
    assert summary["same_weights"]
    assert not summarize(library, [measured(1, 1, {}, "other")], candidates=10)["same_weights"]


def test_both_sides_do_the_same_work_and_the_last_line_is_json(
    spec_document: dict[str, Any], prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    # On random weights nothing is learnt, so the bench is asked for a word too.
    (tmp_path / "spec.json").write_text(json.dumps(spec_document))
    output = subprocess.run(
        [sys.executable, "-m", "bench.orchestration", "--spec", str(tmp_path / "spec.json"), "--repeats", "1"],
        env={**prefect_environment, "OMP_NUM_THREADS": "1"}, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
        check=True,
    ).stdout  # fmt: skip
    figures = json.loads(output.splitlines()[-1])
    assert figures["same_weights"]
    assert len(figures["library_s"]) == len(figures["pipeline_s"]) == 1
    library, pipeline = figures["where"]["library"], figures["where"]["pipeline"]
    assert list(library) == ["imports", "load", "tune 1", "candidates 1", "tune 2", "evaluation"]
    assert set(pipeline) >= {
        "until the flow starts",
        "prepare",
        "tune 1",
        "candidates",
        "tune 2",
        "evaluation",
        "publish",
    }
    assert abs(sum(pipeline.values()) - figures["pipeline_s"][0]) < 1
