"""A person in a thread, who answers the questions of runs in turn."""

import contextvars
import threading
from collections.abc import Callable, Sequence

from prefect.client.orchestration import get_client

from data.records.feedback import Answer
from review.waiting import PAUSED, Waiting, answer, list_all
from tests.processes import wait_until


def list_waiting() -> list[Waiting]:
    """All runs with an open question that can be shown, the longest waiting first."""
    return [found for found in list_all() if isinstance(found, Waiting)]


def next_question(seen: list[Waiting]) -> Waiting:
    """The first open question that is not among `seen`, which it joins."""
    known = {(waiting.run_id, waiting.since) for waiting in seen}
    found: list[Waiting] = []
    with get_client(sync_client=True) as client:

        def asked() -> bool:
            # Only what waits anew is read: questions are long, and other tests leave some.
            paused = client.read_flow_runs(flow_run_filter=PAUSED, limit=200)
            if all(run.state is None or (run.id, run.state.timestamp) in known for run in paused):
                return False
            found.extend(waiting for waiting in list_waiting() if (waiting.run_id, waiting.since) not in known)
            return bool(found)

        wait_until(asked, 300, "somebody is asked")
    seen.append(found[0])
    return found[0]


def says(
    decision: Answer, *picks: int, phrases: Sequence[str] = (), reviewer: str = "Ada", note: str = ""
) -> Callable[[Waiting], None]:
    """What a person does with a question: answer it."""
    return lambda waiting: answer(
        waiting, decision, picks=picks, phrases=phrases, reviewer=reviewer, note=note,
        candidates_sha256=waiting.question.seen_sha256,
    )  # fmt: skip


def person(*deeds: Callable[[Waiting], None]) -> Callable[[], None]:
    """Do one of `deeds` with each new question; call the result to see whether all was done."""
    errors: list[BaseException] = []
    seen = list_waiting()  # left over from other tests

    def review() -> None:
        try:
            for deed in deeds:
                deed(next_question(seen))
        except BaseException as error:
            errors.append(error)

    # Prefect's settings are variables of the context.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(review,), daemon=True)
    thread.start()

    def finished() -> None:
        thread.join(300)
        assert not errors, errors
        assert not thread.is_alive()

    return finished
