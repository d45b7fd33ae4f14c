"""Does the scorer see what an image shows, and in which style? Asked of real icons that it was not trained on.

    python -m bench.scorer --work FOLDER [--base FOLDER]

FOLDER is `flows.pretrain_base`'s, of which corpus and draws are enough. For each icon kept from training whose concept
the judge knows, the scorer chooses among prompts by Text: `content` is the share for which the icon's own
concept is chosen among all of the judge's, in the words of the icon's style; `style` that for which its own
style is chosen among all sets, in the words of its concept. The judge's accuracy on kept icons is about the same
concepts and styles.

The same of icons drawn in random looks: `content_kept_contents` is the share for which their own concept is chosen,
by its name alone, where the icons are kept from training, `content_kept_looks` where the looks are.

Style, the cosine of two images, is asked of pairs of these icons: `like_style` is how often two of one style and
two concepts are nearer than two that share neither (the area under the ROC curve, 0.5 by chance), `like_content` how
often two of one concept and two styles are.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image

from bench.judge import open_judge
from data.corpus.arrays import Corpus, read_arrays
from data.corpus.draws import Draws, read_draws
from data.corpus.phrases import style_phrases
from styledrop.scoring import ClipScorer
from tasks.models import open_base
from tasks.pretraining.draws import KEPT

OF_DRAWN = 600
"""Pictures of each kind."""


def main() -> None:
    """Measure a base's scorer and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.scorer")
    parser.add_argument("--work", type=Path, required=True, help="flows.pretrain_base's folder: corpus and draws")
    parser.add_argument("--base", default="embedded", help="folder of a base with a clip/ in it")
    arguments = parser.parse_args()
    base = open_base(arguments.base)
    if base.clip_folder is None:
        parser.error(f"expected a base with a clip folder, got {base.folder}")
    config = open_judge().config
    corpus = read_arrays(arguments.work / "corpus" / "result")
    scorer = ClipScorer(base.clip_folder)
    drawn = {name: read_draws(arguments.work / "draws" / "result" / name) for name in KEPT}
    rows = kept_rows(corpus, config.concepts, config.styles)
    content, style = choices(scorer, corpus, rows, config.concepts, config.styles)
    like_content, like_style = likeness(scorer, corpus, rows)
    figures = {
        "content": round(float(content.mean()), 4),
        "style": round(float(style.mean()), 4),
        **{
            f"content_{name}": content_of_drawn(scorer, corpus, of_name, config.concepts)
            for name, of_name in drawn.items()
        },
        "like_content": like_content,
        "like_style": like_style,
        "judge_content": round(config.accuracy.concept, 4) if config.accuracy else None,
        "judge_style": round(config.accuracy.style, 4) if config.accuracy else None,
        "icons": len(content),
    }
    print(json.dumps(figures))


def kept_rows(corpus: Corpus, concepts: Sequence[str], styles: Sequence[str]) -> Int[np.ndarray, " icons"]:
    """Where the corpus has icons of these concepts and styles that were kept from training.

    Raises:
        ValueError: it has none.
    """
    rows = np.nonzero((corpus.split == "kept") & np.isin(corpus.concept, concepts) & np.isin(corpus.style, styles))[0]
    if not len(rows):
        raise ValueError("expected kept icons of the judge's concepts in the corpus; name the folder of a whole corpus")
    return rows


def choices(
    scorer: ClipScorer,
    corpus: Corpus,
    rows: Int[np.ndarray, " icons"],
    concepts: tuple[str, ...],
    styles: tuple[str, ...],
) -> tuple[Bool[np.ndarray, " icons"], Bool[np.ndarray, " icons"]]:
    """For each icon: whether its concept and its style are chosen by Text."""
    phrases = style_phrases()
    texts = [[f"{concept} in {phrases[style][0]} style" for style in styles] for concept in concepts]
    text = scorer.compare(_icons(corpus, rows), [prompt for row in texts for prompt in row])
    text = text.reshape(len(rows), len(concepts), len(styles))
    own_concept = np.array([concepts.index(corpus.concept[row]) for row in rows])
    own_style = np.array([styles.index(corpus.style[row]) for row in rows])
    icon = np.arange(len(rows))
    return (
        text[icon, :, own_style].argmax(axis=1) == own_concept,
        text[icon, own_concept, :].argmax(axis=1) == own_style,
    )


def content_of_drawn(scorer: ClipScorer, corpus: Corpus, drawn: Draws, concepts: tuple[str, ...]) -> float:
    """The share of drawn pictures, of concepts that are asked about, whose own is chosen by Text among them."""
    rows = np.nonzero(np.isin(corpus.concept[drawn.rows], concepts))[0][:OF_DRAWN]
    text = scorer.compare([Image.fromarray(drawn.images[row]) for row in rows], concepts)
    own = np.array([concepts.index(corpus.concept[drawn.rows[row]]) for row in rows])
    return round(float((text.argmax(axis=1) == own).mean()), 4)


def likeness(scorer: ClipScorer, corpus: Corpus, rows: Int[np.ndarray, " icons"]) -> tuple[float | None, float | None]:
    """Shares of cases in which sharing the concept alone, and the style alone, brings two icons nearer.

    None where there is no such pair, or none that shares neither.
    """
    looks = scorer.embed(_icons(corpus, rows))
    style = looks @ looks.T
    is_concept, is_style = (names[rows][:, None] == names[rows][None, :] for names in (corpus.concept, corpus.style))
    unlike = np.sort(style[~is_concept & ~is_style])
    return _share_nearer(style[is_concept & ~is_style], unlike), _share_nearer(style[~is_concept & is_style], unlike)


def _share_nearer(alike: Float[np.ndarray, " pairs"], unlike: Float[np.ndarray, " others"]) -> float | None:
    """The area under the ROC curve; ties count half, `unlike` is sorted."""
    if not len(alike) or not len(unlike):
        return None
    below = [np.searchsorted(unlike, alike, side="left"), np.searchsorted(unlike, alike, side="right")]
    return round(float(np.mean(below) / len(unlike)), 4)


def _icons(corpus: Corpus, rows: Int[np.ndarray, " icons"]) -> list[Image.Image]:
    return [Image.fromarray(np.asarray(corpus.images[row])) for row in rows]


if __name__ == "__main__":
    main()
