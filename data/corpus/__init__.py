"""An image-text corpus in which style is a controlled factor, built from three npm packages of open icons.

Every base style is one icon or emoji set; the same concept ("umbrella") is shown by many of them. 140 styles
more are made by recolouring or filtering base images. Five more sets are held out: built to a folder of their own
on request, never mixed with the training sets. Knows nothing of models, tasks or training.

    packages ── sets ── emoji, synonyms, captions ── icons
      ── recolours, filters, variants ── render ── build ── shards, credits
                                       phrases ── read ──┘
"""

from data.corpus.build import build_corpus, tables_sha256
from data.corpus.draws import Draws, draw_pictures, read_draws
from data.corpus.packages import PACKAGES, fetch_packages
from data.corpus.phrases import held_out_phrases, style_phrases
from data.corpus.read import Corpus, read_corpus, read_images
from data.corpus.sets import BASE_SETS, HELD_OUT_SETS, IconSet

__all__ = [
    "BASE_SETS",
    "HELD_OUT_SETS",
    "PACKAGES",
    "Corpus",
    "Draws",
    "IconSet",
    "build_corpus",
    "draw_pictures",
    "fetch_packages",
    "held_out_phrases",
    "read_corpus",
    "read_draws",
    "read_images",
    "style_phrases",
    "tables_sha256",
]
