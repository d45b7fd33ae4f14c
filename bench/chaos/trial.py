"""What became of onboardings that something was done to."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.onboarding import Onboarding, published_files


@dataclass(kw_only=True)
class Trial:
    """One way to disturb onboardings."""

    name: str
    undisturbed: Mapping[str, bytes]
    """The version that nobody disturbed, as `published_files` gives it."""
    runs: int = 0
    kills: int = 0
    published_once: int = 0
    equal: int = 0
    refusals: int = 0
    """Processes that ended in an error, which said what to do."""
    hits: Counter[str] = field(default_factory=Counter)
    """How often each stage, or each part of the stack, was hit."""
    problems: list[str] = field(default_factory=list)

    def judge(self, store_uri: str, style: str) -> None:
        """Look at what the store has in the end of one onboarding."""
        self.runs += 1
        try:
            found = published_files(store_uri, style)
        except Exception as error:  # whatever is wrong with it, it is what is counted
            self.problem(f"{style} in {store_uri} is not published once and whole: {error}")
            return
        self.published_once += 1
        differ = sorted(
            path for path in {*found, *self.undisturbed} if found.get(path) != self.undisturbed.get(path)
        )  # fmt: skip
        self.equal += not differ
        if differ:
            self.problem(f"{style} in {store_uri} differs in {', '.join(differ)}")

    def refused(self, onboarding: Onboarding) -> None:
        """Count a process that ended in an error; if it does not say in a line of ours what is wrong, say so."""
        self.refusals += 1
        log = onboarding.log()
        if "Traceback" in log or not re.match(r"\w+: .*; ", log.rstrip().rpartition("\n")[2]):
            self.problem(f"start {onboarding.starts} of {onboarding.spec['store']} ends so:\n{log[-3000:]}")

    def problem(self, words: str) -> None:
        """Keep what went wrong, and say so at once."""
        self.problems.append(words)
        print(f"{self.name}: {words}", flush=True)

    def report(self) -> None:
        """Say how it stands."""
        print(f"{self.name}: {json.dumps(self.summary())}", flush=True)

    def summary(self) -> dict[str, Any]:
        """The figures of the bench's last line."""
        return {
            "kills": self.kills,
            "runs": self.runs,
            "published_once": self.published_once,
            "equal": self.equal,
            "lost": self.runs - self.published_once,
            "refusals": self.refusals,
            "problems": len(self.problems),
            "hits": dict(self.hits),
        }
