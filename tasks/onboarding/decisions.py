"""Reviewers' decisions in the store: found by what was decided on, and recorded before anything is done with them."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.documents.words import checked_phrase
from data.errors import AlreadyInStore, DecisionRefused, SpecError
from data.records.feedback import Decision
from data.records.onboarding import CandidatesRecord, Run
from data.records.questions import AnyQuestion
from data.records.scores import Findings
from data.store.files import Store
from tasks.models import open_base, refuse_cut_prompts
from tasks.onboarding.sample_candidates import round_folder
from tasks.reporting import log_stage


def place_of_candidates(run: Run, candidates: CandidatesRecord, findings: Findings | None = None) -> str:
    """Where the decisions on exactly these candidates lie, and if they are to be published, on these findings."""
    # By the digest of what was looked at, and by who was to choose: a decision on anything else is never found here.
    about = f"-findings-{findings.digest}" if findings is not None else ""
    folder = f"{round_folder(run, candidates.round_number)}/decisions"
    return f"{folder}/{run.spec.feedback}-{candidates.table.sha256}{about}"


def read_decisions(store: Store, place: str) -> list[Decision]:
    """The decisions at `place`, in the order in which they were given.

    Raises:
        StoreCorrupted: if one cannot be read.
    """
    found: list[Decision] = []
    while store.exists(key := _key(place, len(found))):
        found.append(store.read_record(key, Decision))
    return found


@task(cache_policy=NO_CACHE)
def find_decisions(run: Run, place: str) -> list[Decision]:
    """See `read_decisions`."""
    return read_decisions(Store(run.store), place)


@task(cache_policy=NO_CACHE, persist_result=False)
def record_decision(run: Run, place: str, question: AnyQuestion, answer: Decision) -> str:
    """Put a reviewer's answer into the store at `place`, before anything is done with it; or say why it cannot be used.

    The first usable answer of whoever's turn it is counts: if there is a decision already, it stays.
    """
    try:
        question.check(answer)
        if answer.decision == "confirm":
            answer = answer.model_copy(update={"phrases": tuple(map(checked_phrase, answer.phrases))})
            refuse_cut_prompts(open_base(run.spec.base), run.spec.with_phrases(answer.phrases).whole_prompts)
    except (DecisionRefused, SpecError) as error:
        return str(error)
    store, key = Store(run.store), _key(place, len(question.answered_by))
    try:
        store.write_new(key, answer.model_dump_json(indent=2).encode())
    except AlreadyInStore:
        first = store.read_record(key, Decision)
        log_stage(
            f"expected no decision yet, got a second one, {answer.decision!r} by {answer.reviewer}: "
            f"{first.decision!r} by {first.reviewer} of {first.decided_at:%Y-%m-%d %H:%M} UTC counts"
        )
    return ""


def _key(place: str, number: int) -> str:
    return f"{place}{f'-{number + 1}' if number else ''}.json"
