"""The evaluation prompts of the StyleDrop paper, and which of them a base's corpus has shown it.

The paper's 190 prompts are those of PartiPrompts (google-research/parti, Apache-2.0) whose challenge is "Basic"
and whose category is none of Abstract, Arts, People and World Knowledge. The file is read by its URI; it is no
part of this repository. A base that has only ever seen icons cannot draw all of them: a prompt is within its
reach if what follows the article names a concept that enough styles of the corpus show.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping

from data.addresses import read_file
from data.corpus.synonyms import SYNONYM_OF
from data.errors import SpecError

CHALLENGE = "Basic"
OTHER_CATEGORIES = ("Abstract", "Arts", "People", "World Knowledge")
_ARTICLE = re.compile(r"^(?:an? pair of|an?|the) ")

MAX_FILE_BYTES = 16 * 1024 * 1024


def read_parti_prompts(uri: str) -> tuple[str, ...]:
    """The prompts of the paper's evaluation, from PartiPrompts.tsv at a path or any fsspec URI.

    Raises:
        AddressError: if the file cannot be read.
        SpecError: if it is not PartiPrompts, or none of its rows is asked for.
    """
    text = read_file(uri, "PartiPrompts.tsv", MAX_FILE_BYTES).decode("utf-8", errors="replace")
    lines = io.StringIO(text, newline="")
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"Prompt", "Category", "Challenge"} <= set(rows.fieldnames or ()):
        raise SpecError(
            f"expected the columns Prompt, Category and Challenge of PartiPrompts.tsv in {uri}, got {rows.fieldnames}"
        )
    wanted = tuple(
        row["Prompt"] for row in rows if row["Challenge"] == CHALLENGE and row["Category"] not in OTHER_CATEGORIES
    )
    if not wanted:
        raise SpecError(f"expected prompts whose challenge is {CHALLENGE!r} in {uri}, got none; is it the whole file?")
    return wanted


def within_reach(prompts: Iterable[str], coverage: Mapping[str, int], min_styles: int) -> dict[str, str]:
    """The prompts that name a concept which at least `min_styles` styles show -> that concept.

    `coverage` is the number of styles that show each concept. "the Earth" and "a TV" are names of concepts as in
    icon sets ("globe", "television"); "a red circle" and "robots" are none: style decides on colours, and captions
    do not count. Prompts of one concept ("chair", "a chair") all stay.
    """
    reached = {}
    for prompt in prompts:
        words = _ARTICLE.sub("", prompt.lower()).replace("-", " ")
        concept = SYNONYM_OF.get(words, words)
        if coverage.get(concept, 0) >= min_styles:
            reached[prompt] = concept
    return reached
