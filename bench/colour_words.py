"""Does the base follow colour words? Inks, fills and grounds in pairs that their set never had in training.

    python -m bench.colour_words [--base FOLDER] [--out FOLDER]

Three monochrome sets are asked for in every dark ink on every pale ground but white, and the two-tone ones in black
and every dark ink with every fill on white, as far as the corpus has no such pair for that set. Of an image, the ground
is the colour of most of its border, the ink that of most of its darkest tenth, the fill that of most of what is left,
each named after the nearest (in RGB) of the corpus' colours. The figures are the shares of images where the name is the
word that was asked for; `both` where both are.
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

import styledrop
from data.corpus.recolours import COLOURS, DARK_INKS, FILLED_INKS, FILLED_LOOKS, FILLS, LOOKS, PALE, RECOLOURS
from data.documents.spec import SamplingSettings
from data.pictures.contact_sheet import Row, comparison_sheet
from tasks.models import open_base
from tasks.sampling import draw_seed, sampling_config

CONTENTS = ("house", "heart", "key", "umbrella", "star", "bell")
GROUNDED = ("tabler", "ph-fill", "material-symbols-sharp")
"""Sets with lines, with solid glyphs, with sharp lines."""
SETTINGS = SamplingSettings()
_DARKEST = 0.1
_BORDER_PX = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A set's look in an ink, with a fill (on white) or on a ground."""

    base: str
    ink: str
    other: str
    """The fill or the ground."""
    is_fill: bool

    @property
    def phrase(self) -> str:
        """As a style phrase."""
        if self.is_fill:
            return f"in {FILLED_LOOKS[self.base][0].format(ink=self.ink, fill=self.other)} style"
        return f"in {LOOKS[self.base][0].format(ink=self.ink)} on {self.other} style"


def unseen() -> list[Asked]:
    """All pairs that the corpus does not have for their set."""
    seen = {(one.base, one.ink, one.fill or one.ground, bool(one.fill)) for one in RECOLOURS}
    grounds = [name for name in PALE if name != "white"]
    wanted = [(base, ink, other, False) for base in GROUNDED for ink in DARK_INKS for other in grounds]
    wanted += [(base, ink, other, True) for base in FILLED_LOOKS for ink in FILLED_INKS for other in FILLS]
    return [
        Asked(base=base, ink=ink, other=other, is_fill=is_fill)
        for base, ink, other, is_fill in wanted
        if (base, COLOURS[ink], COLOURS[other], is_fill) not in seen
    ]


def named(image: Image.Image) -> tuple[str, str, str]:
    """The names of an image's ink, fill and ground; a fill of "" where there is nothing else."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    palette = np.array([ImageColor.getrgb(colour) for colour in COLOURS.values()], dtype=np.float32)
    nearest = np.square(pixels[:, :, None] - palette).sum(axis=-1).argmin(axis=-1)
    inner = np.s_[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX]
    is_border = np.ones(nearest.shape, dtype=bool)
    is_border[inner] = False
    ground = _most(nearest[is_border])
    brightness = pixels.mean(axis=-1)
    ink = _most(nearest[brightness <= np.quantile(brightness, _DARKEST)])
    rest = nearest[(nearest != ground) & (nearest != ink)]
    names = list(COLOURS)
    return names[ink], names[_most(rest)] if len(rest) else "", names[ground]


def _most(places: np.ndarray) -> int:
    return int(np.bincount(places.ravel()).argmax())


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
        config=sampling_config(SETTINGS),
    )
    figures: dict[str, dict[str, float]] = {}
    rows: list[Row] = []
    for kind, is_fill in (("grounds", False), ("fills", True)):
        places = [place for place, one in enumerate(asked) if one.is_fill is is_fill]
        figures[kind] = followed([asked[place] for place in places], [images[place] for place in places])
        for base_name in dict.fromkeys(asked[place].base for place in places):
            of_base = [place for place in places if asked[place].base == base_name]
            print(f"{base_name:24} {followed([asked[p] for p in of_base], [images[p] for p in of_base])}")
            for ink in dict.fromkeys(asked[place].ink for place in of_base):
                row = [place for place in of_base if asked[place].ink == ink][:3]
                rows.append(Row(label=f"{base_name}: {ink}", images=[images[place] for place in row]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    comparison_sheet(["", "", ""], rows, cell_px=64).save(arguments.out / "colour_words.png")
    print(json.dumps({**figures, "images": len(images)}))


if __name__ == "__main__":
    main()
