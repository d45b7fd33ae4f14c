"""Content phrases (`prompts.json`): what candidates and evaluation images show.

Bare nouns, as the captions of the embedded base's corpus are; at least 19 of its 33 training styles show each
of CANDIDATE_PROMPTS, at least 20 each of EVALUATION_PROMPTS: those are the concepts that the generator is mostly
trained on. The two have no phrase in common: scores on phrases an adapter was tuned with are not results.

The paper evaluates on 190 prompts of PartiPrompts (`bench.parti_prompts`). Of those, 23 name a concept that 20 of
the 33 styles show, 39 one that 15 show, 67 one that 10 show; of most others ("congruent triangles", "a
Triceratops", "a red lego block") the corpus has no picture, or a few. `python -m bench.evaluation_prompts` lists
them. Ten of the 23 are candidates' contents; the other 13 are among EVALUATION_PROMPTS.
"""

import json
from pathlib import Path

_PROMPTS = {
    kind: tuple(phrases) for kind, phrases in json.loads(Path(__file__).with_name("prompts.json").read_text()).items()
}

CANDIDATE_PROMPTS: tuple[str, ...] = _PROMPTS["candidates"]
"""30 of them, as in the paper (whose own 30 are not listed)."""

EVALUATION_PROMPTS: tuple[str, ...] = _PROMPTS["evaluation"]
"""All 58 concepts that 20 styles show, but for candidates' contents and their variants (an unlocked lock, an open
book, a notebook), signs (minus, link) and names of two things (mouse; speaker low volume, loudspeakers among them)."""

FEW_EVALUATION_PROMPTS: tuple[str, ...] = EVALUATION_PROMPTS[:20]
"""What an onboarding is scored on if nothing else is asked for: a third of the time, and all fit on a contact sheet."""

SUBJECT_PROMPTS: tuple[str, ...] = _PROMPTS["subject_candidates"]
"""What is said of a subject in candidates: how it is drawn, since the embedded base's corpus has no surroundings."""

SUBJECT_EVALUATION_PROMPTS: tuple[str, ...] = _PROMPTS["subject_evaluation"]
"""What it is scored on if nothing else is asked for."""
