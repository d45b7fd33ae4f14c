"""Does an onboarding come to the same end, whatever is killed, full or out of reach in between?

    python -m bench.chaos [--kills 50] [--outages 5] [--served 5] [--seed 0]

All of it onboards the smallest style (`bench.smallest`) on a stack of its own (`infra.stack`): PostgreSQL, Prefect's
server, SeaweedFS, a worker. One onboarding is not disturbed; whatever is done to the others, the version that they
publish has to be the same, byte for byte, but for the seconds that a round took (`bench.chaos.onboarding`).

killed     onboardings in processes of their own get SIGKILL at random moments, so that every stage is hit, and are
           started again
disk       store, checkpoints and Prefect's results lie on a tmpfs that is too small, and grows by 32 KiB each time an
           onboarding has failed on it (needs root, left out without)
store      onboardings onto S3 through a proxy that answers 500, or refuses connections, for up to four seconds
served     deployed runs, while worker, server, database, store and the run itself are killed; the proxy goes on failing

The last line is JSON: kills, runs (onboardings that something was done to), how many of them published their style
exactly once and whole, how many published what the undisturbed one did, how many are lost, and the same by part.
"""

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.chaos.full_disk import run_on_a_full_disk, small_disk
from bench.chaos.killed import finish, kill_at_random, undisturbed
from bench.chaos.onboarding import Onboarding, processes, published_files
from bench.chaos.served import kill_the_stack
from bench.chaos.trial import Trial
from bench.local_stack import local_stack
from bench.smallest import draw_reference, learnable_settings, smallest_style

STEPS = 52
"""Of each tuning: a checkpoint is written after the fiftieth."""

WELL_S, ILL_S = 6.0, 4.0
OUTAGE_STARTS = 20
"""Of an onboarding whose store fails: those that end in one line that says so are no problem."""


def main() -> None:
    """Disturb, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of onboardings in processes of their own")
    parser.add_argument("--outages", type=int, default=5, help="onboardings through a store that fails in between")
    parser.add_argument("--served", type=int, default=5, help="deployed runs, with five kills each")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    rng, started = random.Random(arguments.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, local_stack(Path(name) / "stack", limit=1) as stack:
        print(f"the stack is up after {time.monotonic() - started:.0f} s", flush=True)
        folder = Path(name)
        context = processes()
        from bench.tiny_base import save_learnable_base  # with it come torch and what takes as long

        save_learnable_base(folder / "base")
        draw_reference(folder / "a.png")

        def new(name: str, store: str = "", disk: Path | None = None) -> Onboarding:
            place = disk or folder / name
            store = store or f"file://{place}/store"
            return Onboarding(
                context=context,
                spec=spec(store),
                logs=folder / "logs" / name,
                results=place / "results",
                environment={"STYLEDROP_WORK": str(place / "work"), "AWS_ENDPOINT_URL_S3": stack.store.url},
            )

        def spec(store: str) -> dict[str, Any]:
            settings = learnable_settings(store, folder / "base", steps=STEPS)
            return {**smallest_style("disc", str(folder / "a.png")), **settings}

        whole = new("undisturbed")
        seconds = undisturbed(whole)
        files = published_files(whole.spec["store"], "disc")
        print("undisturbed: " + ", ".join(f"{stage} {took:.2f} s" for stage, took in seconds.items()), flush=True)

        killed = Trial(name="killed", undisturbed=files)
        kill_at_random(killed, arguments.kills, seconds, new, rng)
        killed.report()

        disk = Trial(name="disk", undisturbed=files)
        if os.geteuid() == 0:
            with small_disk(folder / "disk") as resize:
                run_on_a_full_disk(disk, new("disk", disk=folder / "disk"), resize)
        disk.report()

        outages = Trial(name="store", undisturbed=files)
        for number in range(arguments.outages):
            onboarding = new(f"outage-{number}", f"s3://styles/outage-{number}")
            onboarding.open()
            before = stack.store.outages
            with stack.store.flapping(rng, WELL_S, ILL_S):
                finish(outages, onboarding, starts=OUTAGE_STARTS)
            outages.hits["outages"] += stack.store.outages - before
        outages.report()

        served = Trial(name="served", undisturbed=files)
        for number in range(arguments.served):
            onboarding = new(f"served-{number}", f"s3://styles/served-{number}")
            onboarding.open()
            with stack.store.flapping(rng, 5 * WELL_S, ILL_S):
                kill_the_stack(served, stack, onboarding.spec, rng)
        served.report()

    parts = {trial.name: trial.summary() for trial in (killed, disk, outages, served)}
    counts = ("kills", "runs", "published_once", "equal", "lost")
    total = {name: sum(part[name] for part in parts.values()) for name in counts}
    print(json.dumps({**total, "minutes": round((time.monotonic() - started) / 60, 1), **parts}))


if __name__ == "__main__":
    main()
