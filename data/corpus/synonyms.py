"""What icon sets call everyday things (`names.json`): the tables by which one thing has one name in all of them."""

import json
from pathlib import Path

_NAMES = json.loads(Path(__file__).with_name("names.json").read_text("utf-8"))

SYNONYMS: dict[str, str] = _NAMES["synonyms"]
"""Everyday things only: one name -> what sets call it, with "|" between."""

SYNONYM_OF = {other: name for name, others in SYNONYMS.items() for other in others.split("|")}

SET_NAMES: dict[str, dict[str, str]] = _NAMES["set_names"]
"""What a set calls a thing where that name means something else, or nothing, in other sets."""
