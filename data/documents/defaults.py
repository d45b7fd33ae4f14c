"""What a document that says nothing gets. Numbers that fit one base and not another come from the base itself.

The paper (StyleDrop, arXiv:2306.00983) draws 30 prompts x 64 images, and evaluates on 8 of each of 190.
"""

from pathlib import Path

from data.addresses import absolute, refuse_outside_roots
from data.errors import AddressError
from styledrop.config.defaults import EMBEDDED, EMBEDDED_FOLDER, PAPER, Defaults, defaults_of

OF_EMBEDDED = defaults_of(EMBEDDED_FOLDER)[0]

IMAGES_PER_PROMPT = 8
IMAGES_PER_EVALUATION_PROMPT = 2


def of_base(address: str) -> Defaults:
    """Defaults of the base at `address`; the paper's if none lies there, which whoever opens it will say.

    Raises:
        ValueError: its card has defaults that cannot be used.
    """
    if address == EMBEDDED:
        return OF_EMBEDDED
    try:
        folder = absolute(address)
        refuse_outside_roots(folder)
    except AddressError:
        return PAPER
    return PAPER if "://" in folder else defaults_of(Path(folder))[0]
