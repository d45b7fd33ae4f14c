"""Answering the questions of onboarding runs from a terminal.

    styledrop-review-terminal list
    styledrop-review-terminal show RUN
    styledrop-review-terminal approve RUN --picks 1,5,9 --reviewer NAME [--note TEXT]
    styledrop-review-terminal another-round RUN --picks 1,5,9 --reviewer NAME [--note TEXT]
    styledrop-review-terminal publish RUN --reviewer NAME [--note TEXT]
    styledrop-review-terminal confirm RUN --reviewer NAME [--correct NUMBER PHRASE]... [--note TEXT]
    styledrop-review-terminal reject RUN --reviewer NAME [--note TEXT]
    styledrop-review-terminal link RUN --page http://HOST:PORT [--days DAYS]
    styledrop-review-terminal notify --webhook URL

Prefect's own form and the review page (`styledrop-review`) do the same.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from data.errors import DecisionRefused, PipelineError
from data.records.feedback import ANSWER_MEANINGS, Answer
from data.records.questions import AnyQuestion, PhrasesQuestion
from review.links import DAYS, link, secret_from_environment
from review.notification import notify_when_waiting
from review.waiting import Unreadable, Waiting, answer, find_waiting, list_all, shown_candidates

ANSWERS: dict[str, Answer] = {answer.replace(" ", "-"): answer for answer in ANSWER_MEANINGS}
"""What can be answered, by subcommand."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; what cannot be done is one line and exit status 1."""
    asked = _parser().parse_args(arguments)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        match asked.action:
            case "list":
                _print_list(list_all())
            case "show":
                _print_question(find_waiting(asked.run))
            case "link":
                print(_link(find_waiting(asked.run), asked.page, asked.days))
            case "notify":
                print(f"automation {notify_when_waiting(asked.webhook)}: {asked.webhook} is called when a style waits")
            case action:
                waiting = find_waiting(asked.run)
                answer(
                    waiting,
                    ANSWERS[action],
                    picks=asked.picks,
                    phrases=_phrases(waiting.question, asked.correct) if action == "confirm" else (),
                    reviewer=asked.reviewer,
                    note=asked.note,
                    candidates_sha256=waiting.question.seen_sha256,
                )
                print(f"{waiting.question.style}: {ANSWERS[action]}; the run goes on")
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="styledrop-review-terminal", description="Answer waiting onboarding runs.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="runs that wait for a reviewer, the longest waiting first")
    show = actions.add_parser("show", help="what is asked: the sheet's address, prompts and scores")
    show.add_argument("run", type=UUID, help="id of the flow run")
    for name, given in ANSWERS.items():
        answered = actions.add_parser(name, help=ANSWER_MEANINGS[given])
        answered.add_argument("run", type=UUID, help="id of the flow run")
        answered.add_argument("--reviewer", required=True, help="who decides")
        answered.add_argument("--note", default="", help="kept with the decision")
        answered.set_defaults(picks=[], correct=[])
        if given == "confirm":
            answered.add_argument(
                "--correct", nargs=2, action="append", metavar=("NUMBER", "PHRASE"),
                help="what a proposed phrase shall be instead; the others are confirmed",
            )  # fmt: skip
        else:
            answered.add_argument(
                "--picks", type=_numbers, help="numbers of the images the next round is tuned on: 1,5,9"
            )
    linked = actions.add_parser("link", help="the signed address of a question, for a reviewer on another machine")
    linked.add_argument("run", type=UUID, help="id of the flow run")
    linked.add_argument("--page", required=True, help="address under which `styledrop-review` is reached")
    linked.add_argument("--days", type=int, choices=range(1, 366), metavar="DAYS", default=DAYS,
                        help=f"how long it opens the question; left out: {DAYS}")  # fmt: skip
    notify = actions.add_parser("notify", help="have a webhook called whenever a style waits")
    notify.add_argument("--webhook", required=True, help="http(s) address that takes JSON")
    return parser


def _link(waiting: Waiting, page: str, days: int) -> str:
    expires = datetime.now(UTC) + timedelta(days=days)
    return link(page, secret_from_environment(), waiting.run_id, waiting.question.key, expires)


def _phrases(question: AnyQuestion, corrections: Sequence[tuple[str, str]]) -> list[str]:
    """What is proposed, with corrections by number."""
    phrases = [*question.proposed] if isinstance(question, PhrasesQuestion) else []
    for number, phrase in corrections:
        if number not in [str(known) for known in range(1, len(phrases) + 1)]:
            raise DecisionRefused(f"expected the number of a phrase, 1 to {len(phrases)}, got {number!r}; see show RUN")
        phrases[int(number) - 1] = phrase
    return phrases


def _numbers(words: str) -> list[int]:
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers with commas between, 1,5,9, got {words!r}") from None


def _print_list(found: Sequence[Waiting | Unreadable]) -> None:
    for waiting in found:
        if isinstance(waiting, Unreadable):
            print(f"{waiting.run_id}  {waiting.run_name}  cannot be shown: {waiting.reason}")
            continue
        question = waiting.question
        print(
            f"{waiting.run_id}  {question.style}  {question.title}  "
            f"since {waiting.since:%Y-%m-%d %H:%M} UTC{'' if waiting.is_suspended else '  in a terminal'}"
        )
    if not found:
        print("nothing waits", file=sys.stderr)


def _print_question(waiting: Waiting) -> None:
    question = waiting.question
    print(f"style       {question.style}")
    print(f"run         {waiting.run_id} ({waiting.run_name}), since {waiting.since:%Y-%m-%d %H:%M} UTC")
    print(f"asked       {question.title}")
    if question.refusal:
        print(f"again       {question.refusal}")
    print(f"nearest     {question.nearest_in_words}")
    print(f"answers     {', '.join(question.answers)}")
    if question.turn:
        print(f"turn        {question.turn}")
    print(f"references  {', '.join(example.image.uri for example in question.references)}")
    if isinstance(question, PhrasesQuestion):
        print("number  proposed")
        for number, (label, phrase) in enumerate(question.phrases, start=1):
            print(f"{number:6}  {phrase}  ({label})")
        return
    print(f"leak        {question.leak.in_words if question.leak else 'unknown'}")
    print(f"verdict     {question.verdict.in_words if question.verdict else 'unknown'}")
    if question.over_old:
        print(f"old to new  {question.over_old.in_words}")
    print(f"sheet       {question.sheet.uri}")
    print(f"shown       {len(question.shown)} of {question.candidates.count}: {question.chosen_by}")
    print("number   Text  Style  prompt")
    for candidate in shown_candidates(question):
        print(f"{candidate.index:6} {candidate.text_score:6.3f} {candidate.style_score:6.3f}  {candidate.prompt}")


if __name__ == "__main__":
    sys.exit(main())
