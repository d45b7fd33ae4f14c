"""Content phrases: what candidates and evaluation images show.

Bare nouns, as the captions of the embedded base's corpus are; at least 19 of its 33 training styles show each
of CANDIDATE_PROMPTS, at least 20 each of EVALUATION_PROMPTS: those are the concepts that the generator is mostly
trained on. The two have no phrase in common: scores on phrases an adapter was tuned with are not results.

The paper evaluates on 190 prompts of PartiPrompts (`bench.parti_prompts`). Of those, 23 name a concept that 20 of
the 33 styles show, 39 one that 15 show, 67 one that 10 show; of most others ("congruent triangles", "a
Triceratops", "a red lego block") the corpus has no picture, or a few. `python -m bench.evaluation_prompts` lists
them. Ten of the 23 are candidates' contents; the other 13 are among EVALUATION_PROMPTS.
"""

CANDIDATE_PROMPTS: tuple[str, ...] = (
    "house",
    "car",
    "sun",
    "heart",
    "key",
    "umbrella",
    "rocket",
    "fish",
    "crown",
    "camera",
    "bicycle",
    "cake",
    "shield",
    "cat",
    "star",
    "book",
    "bell",
    "cloud",
    "flower",
    "airplane",
    "cup",
    "gift",
    "lock",
    "bus",
    "trophy",
    "light bulb",
    "ice cream",
    "skull",
    "bug",
    "cherry",
)
"""30 of them, as in the paper (whose own 30 are not listed)."""

EVALUATION_PROMPTS: tuple[str, ...] = (
    "tree",
    "moon",
    "clock",
    "envelope",
    "mobile phone",
    "microphone",
    "magnifying glass",
    "scissors",
    "hourglass",
    "balloon",
    "anchor",
    "droplet",
    "headphones",
    "truck",
    "ship",
    "globe",
    "eye",
    "snowflake",
    "fire",
    "television",
    "phone",
    "laptop",
    "train",
    "boat",
    "ball",
    "trash can",
    "musical note",
    "gear",
    "keyboard",
    "ticket",
    "calendar",
    "bookmark",
    "shopping cart",
    "printer",
    "pill",
    "map pin",
    "thermometer",
    "newspaper",
    "glasses",
    "watch",
    "radio",
    "pencil",
    "pen",
    "paperclip",
    "paint palette",
    "lightning",
    "game controller",
    "floppy disk",
    "credit card",
    "clipboard",
    "backpack",
    "syringe",
    "hospital",
    "briefcase",
    "bomb",
    "ambulance",
    "graduation cap",
    "basketball",
)
"""All 58 concepts that 20 styles show, but for candidates' contents and their variants (an unlocked lock, an open
book, a notebook), signs (minus, link) and names of two things (mouse; speaker low volume, loudspeakers among them)."""

FEW_EVALUATION_PROMPTS: tuple[str, ...] = EVALUATION_PROMPTS[:20]
"""What an onboarding is scored on if nothing else is asked for: a third of the time, and all fit on a contact sheet."""

SUBJECT_PROMPTS: tuple[str, ...] = (
    "in black outline icon style",
    "in flat blue icon style",
    "in red line icon style",
    "in white icon on dark ground style",
    "in pixel art icon style",
    "in cartoon sticker style",
    "on yellow ground",
    "with thick outline",
)
"""What is said of a subject in candidates: how it is drawn, since the embedded base's corpus has no surroundings."""

SUBJECT_EVALUATION_PROMPTS: tuple[str, ...] = (
    "in thin line icon style",
    "in flat green icon style",
    "in navy outline icon style",
    "in icon on orange ground style",
    "in hand drawn ink icon style",
    "in gradient icon style",
    "on pale blue ground",
    "with shadow",
    "in grey icon style",
    "in two-colour icon style",
)
"""What it is scored on if nothing else is asked for."""
