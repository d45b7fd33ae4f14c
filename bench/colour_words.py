"""Does the base follow colour words? Inks with grounds and with fills, in pairs that no training picture shows.

    python -m bench.colour_words [--base FOLDER] [--out FOLDER]

Sets of one colour are asked for in every dark ink on every lighter ground, and in every dark ink with every lighter
fill on white, as far as that look is kept from training (`data.corpus.looks.is_left_out`): training draws neither the
pair alone nor the same pair in another set, only each colour with others, or both with more factors besides. Of an
image, the ground is the colour of most of its border, the ink that of most of its darkest tenth, the fill that of most
of what is left, each by its name (`data.corpus.colours.name_of`). The figures are the shares of images where the name
is the word that was asked for; `both` where both are.
"""

import argparse
import colorsys
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import styledrop
from data.corpus.colours import BLACK, Colour, luminance, name_of
from data.corpus.looks import Look, is_left_out, words_of
from data.corpus.phrases import style_phrases
from data.documents.defaults import OF_EMBEDDED
from data.documents.of_base import sampling_of
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base
from tasks.sampling import draw_seed

CONTENTS = ("house", "heart", "key", "umbrella", "star", "bell")
GROUNDED = ("tabler", "ph-fill", "material-symbols-sharp")
"""Sets with lines, with solid glyphs, with sharp lines."""
FILLED = ("ph-duotone", "icon-park-twotone", "solar-bold-duotone")
SETTINGS = sampling_of(OF_EMBEDDED)
_DARK, _LIGHT = 0.35, 0.6
"""Luminance below which a colour is asked for as ink, and above which as fill or ground."""
_TONES = ((0.8, 0.3), (0.8, 0.85), (0.22, 0.95))
"""(saturation, value) of dark, strong and pale colours."""
_FIRST_HUE = 0.91
_DARKEST = 0.1
_BORDER_PX = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A set's look in an ink, with a fill (on white) or on a ground."""

    look: Look

    @property
    def is_fill(self) -> bool:
        """Whether the other colour is a fill."""
        return self.look.fill != "none"

    @property
    def ink(self) -> str:
        """The ink's name."""
        return name_of(self.look.ink)

    @property
    def other(self) -> str:
        """The name of the fill or the ground."""
        return name_of(self.look.fill_colours[0] if self.is_fill else self.look.ground_colours[0])

    @property
    def phrase(self) -> str:
        """As a style phrase, in words of training."""
        plain = tuple(style_phrases()[self.look.style])
        return f"in {words_of(self.look, plain, np.random.default_rng(0), all_words=True)} style"


def named_colours() -> dict[str, Colour]:
    """A colour for every name but white's, from the middle of the hues that have it."""
    of_name: dict[str, list[Colour]] = {}
    for saturation, value in _TONES:
        for step in range(240):
            # From pink on, so that the reds on both sides of hue 0 are neighbours.
            colour = colorsys.hsv_to_rgb((_FIRST_HUE + step / 240) % 1, saturation, value)
            of_name.setdefault(name_of(colour), []).append(colour)
    colours = {name: some[len(some) // 2] for name, some in of_name.items()}
    greys = (BLACK, (0.25, 0.25, 0.25), (0.82, 0.82, 0.82))
    return colours | {name_of(grey): grey for grey in greys}


def unseen() -> list[Asked]:
    """All pairs of colours that no training picture shows alone."""
    colours = named_colours().values()
    inks = [colour for colour in colours if luminance(colour) < _DARK]
    others = [colour for colour in colours if luminance(colour) > _LIGHT]
    looks = [
        Look(style=style, ink=ink, ground="plain", ground_colours=(other, other))
        for style, ink, other in itertools.product(GROUNDED, inks, others)
    ]
    looks += [
        Look(style=style, ink=ink, fill="flat", fill_colours=(other, other))
        for style, ink, other in itertools.product(FILLED, inks, others)
    ]
    return [Asked(look=look) for look in looks if is_left_out(look)]


def named(image: Image.Image) -> tuple[str, str, str]:
    """The names of an image's ink, fill and ground; a fill of "" where there is nothing else."""
    pixels = np.asarray(image.convert("RGB"))
    colours, places = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    names = np.array([name_of((red / 255, green / 255, blue / 255)) for red, green, blue in colours.tolist()])
    name_at = names[places].reshape(pixels.shape[:2])
    is_border = np.ones(name_at.shape, dtype=bool)
    is_border[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX] = False
    ground = _most(name_at[is_border])
    brightness = pixels.mean(axis=-1)
    ink = _most(name_at[brightness <= np.quantile(brightness, _DARKEST)])
    rest = name_at[(name_at != ground) & (name_at != ink)]
    return ink, _most(rest) if len(rest) else "", ground


def _most(names: np.ndarray) -> str:
    found, counts = np.unique(names, return_counts=True)
    return str(found[counts.argmax()])


def followed(asked: Sequence[Asked], images: Sequence[Image.Image]) -> dict[str, float]:
    """The shares of images with the ink, the fill or ground, and both that were asked for."""
    inks, others = [], []
    for one, image in zip(asked, images, strict=True):
        ink, fill, ground = named(image)
        inks.append(ink == one.ink)
        others.append(one.other == (fill if one.is_fill else ground))
    both = [ink and other for ink, other in zip(inks, others, strict=True)]
    return {
        name: round(sum(found) / len(found), 4) for name, found in (("ink", inks), ("other", others), ("both", both))
    }


def main() -> None:
    """Draw every unseen pair, each with another content in turn."""
    parser = argparse.ArgumentParser(prog="python -m bench.colour_words")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where the picture goes")
    arguments = parser.parse_args()
    base, asked = open_base(arguments.base), unseen()
    contents = list(itertools.islice(itertools.cycle(CONTENTS), len(asked)))
    images = styledrop.sample(
        base,
        [f"{content} {one.phrase}" for content, one in zip(contents, asked, strict=True)],
        seeds=[draw_seed(0, "colour words", one.phrase) for one in asked],
        guidance=styledrop.Guidance(lambda_b=SETTINGS.lambda_b),
        config=SETTINGS,
    ).images
    figures: dict[str, dict[str, float]] = {}
    rows: list[Row] = []
    for kind, is_fill in (("grounds", False), ("fills", True)):
        places = [place for place, one in enumerate(asked) if one.is_fill is is_fill]
        figures[kind] = followed([asked[place] for place in places], [images[place] for place in places])
        for style in dict.fromkeys(asked[place].look.style for place in places):
            of_style = [place for place in places if asked[place].look.style == style]
            print(f"{style:24} {followed([asked[p] for p in of_style], [images[p] for p in of_style])}")
            for ink in dict.fromkeys(asked[place].ink for place in of_style):
                row = [place for place in of_style if asked[place].ink == ink][:3]
                rows.append(Row(label=f"{style}: {ink}", images=[images[place] for place in row]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    comparison_sheet(["", "", ""], rows, cell_px=64).save(arguments.out / "colour_words.png")
    print(json.dumps({**figures, "images": len(images)}))


if __name__ == "__main__":
    main()
