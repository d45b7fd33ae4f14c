"""Content phrases: what candidates and evaluation images show.

Bare nouns, as the captions of the embedded base's corpus are; at least 15 of its 33 training
styles show each of them. The two lists have no phrase in common: scores on phrases an adapter was
tuned with are not results.
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
    "apple",
    "truck",
    "ship",
    "globe",
    "eye",
    "snowflake",
    "fire",
    "television",
)
