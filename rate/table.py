"""The paper's table of a study (StyleDrop, Tab. 2, top): first, tie and second in per cent of the queries."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from rate.ratings import CHOICES, Choice, Vote, majority, shares


def print_table(votes: Sequence[Vote]) -> None:
    """Print the majority of each query, the shares of each pair, and the shares again as one line of JSON."""
    for vote in votes:
        print(
            f"{' / '.join(vote.pair)}, {vote.asked.content_phrase}: "
            f"Text {_in_words(vote.text)}, Style {_in_words(vote.style)}"
        )
    figures = {}
    print(f"\n{'first / second':36} {'queries':>7}  {'Text: first/tie/second':24}{'Style: first/tie/second':24}")
    for first, second in dict.fromkeys(vote.pair for vote in votes):
        of_pair = [vote for vote in votes if vote.pair == (first, second)]
        text, style = shares([vote.text for vote in of_pair]), shares([vote.style for vote in of_pair])
        answers = [vote.text.total() for vote in of_pair]
        print(f"{first + ' / ' + second:36} {len(of_pair):7}  {_in_per_cent(text):24}{_in_per_cent(style):24}")
        figures[f"{first} / {second}"] = {
            "queries": len(of_pair),
            "answers": sum(answers),
            "fewest_answers_to_a_query": min(answers),
            "text": text,
            "style": style,
        }
    print(json.dumps(figures))


def _in_per_cent(of_choices: Mapping[Choice, float]) -> str:
    return "/".join(f"{of_choices[choice]:.1f}" for choice in CHOICES)


def _in_words(votes: Counter[Choice]) -> str:
    return f"{majority(votes)} ({'-'.join(str(votes[choice]) for choice in CHOICES)})"
