"""SIGKILL at random moments of every stage, and the same command again."""

import random
from collections.abc import Callable, Mapping

from bench.chaos.onboarding import STAGES, Onboarding
from bench.chaos.trial import Trial

KILLS_PER_RUN = 4
STARTS = 3
"""Of a process that ends in an error although nothing is done to it any more."""

PATIENCE_S = 1800.0


def undisturbed(onboarding: Onboarding) -> dict[str, float]:
    """Onboard without a kill; gives the seconds of each stage."""
    onboarding.open()
    onboarding.start()
    since = onboarding.watch(lambda _: False)
    if onboarding.wait(PATIENCE_S) != 0:
        raise RuntimeError(onboarding.log())
    began = list(since.values())
    return {stage: end - begin for stage, begin, end in zip(since, began, began[1:], strict=False)}


def kill_at_random(
    trial: Trial, kills: int, seconds: Mapping[str, float], new: Callable[[str], Onboarding], rng: random.Random
) -> None:
    """Kill `kills` processes, up to `KILLS_PER_RUN` of one onboarding, and let each onboarding come to its end.

    Stages that were hit least come first. The moment within a stage is uniform over the time that it took undisturbed.
    """
    while trial.kills < kills:
        onboarding = new(f"kill-{trial.runs + 1}")
        onboarding.open()
        least = sorted(STAGES, key=lambda stage: (trial.hits[stage], rng.random()))
        targets = sorted(least[: min(KILLS_PER_RUN, kills - trial.kills)], key=list(STAGES).index)
        for target in targets:
            onboarding.start()
            _wait_for(onboarding, target, rng.random() * seconds.get(target, 0.1))
            if not onboarding.is_alive():
                break
            stage = onboarding.stage()
            onboarding.kill()
            trial.kills += 1
            trial.hits[stage] += 1
        finish(trial, onboarding)
        print(f"{trial.name}: {trial.kills} kills, {trial.runs} runs, {trial.equal} equal", flush=True)


def finish(trial: Trial, onboarding: Onboarding, *, starts: int = STARTS) -> None:
    """Start it until it ends well, so often at most, and judge what it has published."""
    for _ in range(starts):
        onboarding.start()
        if onboarding.wait(PATIENCE_S) == 0:
            break
        trial.refused(onboarding)
    trial.judge(onboarding.spec["store"], onboarding.spec["name"])


def _wait_for(onboarding: Onboarding, target: str, then_s: float) -> None:
    number = list(STAGES).index(target)
    onboarding.watch(lambda stage: list(STAGES).index(stage) >= number)
    onboarding.wait_alive(then_s)
