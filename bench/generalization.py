"""Does a base know looks, or its training pictures by heart? Its error on what it has seen and on what it never saw.

    python -m bench.generalization [--base FOLDER]
    python -m bench.generalization --make WORK      # writes bench/references/generalization.parquet

Five sets of pictures, each with its whole prompt:

- `trained`: drawn in training;
- `kept_contents`: icons kept from training, in looks that are trained on;
- `kept_looks`: trained icons, in looks whose combination of factors is kept from training (`data.corpus.looks`);
- `held_out`: real icons of the held-out sets;
- `plain_trained`, `plain_kept`: the sets' own icons as they are, for bases that were trained on no other looks.

The error is the masked cross entropy in nats a token of the base's own tokens, at mask rates drawn as in training and
always at the same places. `share_of_uniform` divides it by what knowing nothing gives: the logarithm of the number of
codes. `psnr` is that of tokens decoded again, in dB, of the mean squared error. Standard errors are over pictures. The
last line is JSON. WORK is the folder of `flows.pretrain_base`; `--make` needs the checkout's `pretrain` extra.
"""

import argparse
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import UInt8
from PIL import Image

import styledrop
from bench.true_icons import ICONS
from data.corpus.arrays import read_arrays
from data.corpus.phrases import held_out_phrases, style_phrases
from data.pictures.images import from_png
from styledrop.pretraining.augmentation import to_pixels
from styledrop.pretraining.generator import TokenizedPictures, masked_error
from tasks.models import open_base

PICTURES = Path(__file__).parent / "references" / "generalization.parquet"
OF_EACH_SET = 240
DRAWN = ("trained", "kept_contents", "kept_looks")
PLAIN = {"plain_trained": "train", "plain_kept": "kept"}
"""Set -> split of the corpus."""
_WIDELY_SHOWN = 15
"""Plain icons are of concepts that so many styles show: those that training draws most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What is measured on one set of pictures."""

    nats: float
    nats_se: float
    share_right: float
    psnr: float


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """A set, in the base's size; entry i of every column belongs to picture i."""

    images: UInt8[np.ndarray, "pictures height width 3"]
    captions: Sequence[str]
    phrases: Sequence[str]


def measure(base: styledrop.Base, pictures: Pictures) -> Figures:
    """Encode, mask and predict the pictures."""
    pixels = to_pixels(pictures.images)
    with torch.no_grad():
        tokens = torch.cat([base.vqgan.encode(batch) for batch in pixels.split(64)])
        decoded = torch.cat([base.vqgan.decode(batch) for batch in tokens.split(64)])
    error = masked_error(
        base.generator,
        base.text,
        TokenizedPictures(tokens=tokens, captions=pictures.captions, phrases=pictures.phrases),
        base.size_px,
    )
    return Figures(
        nats=error.nats,
        nats_se=float(error.nats_of_each.std()) / len(pictures.captions) ** 0.5,
        share_right=error.share_right,
        psnr=-10 * math.log10(float((decoded - pixels).square().mean())),
    )


def read_pictures(size_px: int) -> dict[str, Pictures]:
    """All sets, scaled to `size_px`, the held-out ones together and each for itself (`held_out/STYLE`)."""
    table = pq.read_table(PICTURES).to_pylist()
    sets = {name: [row for row in table if row["set"] == name] for name in (*DRAWN, *PLAIN)}
    icons = pq.read_table(ICONS, columns=["style", "concept", "image"]).to_pylist()
    words = held_out_phrases()
    for style in sorted(words):
        sets[f"held_out/{style}"] = [
            {"caption": icon["concept"], "phrase": words[style][0], "image": icon["image"]}
            for icon in icons
            if icon["style"] == style
        ]
    sets["held_out"] = [row for name, rows in sets.items() if name.startswith("held_out/") for row in rows]
    return {
        name: Pictures(
            images=np.stack([_scaled(from_png(row["image"]), size_px) for row in rows]),
            captions=[row["caption"] for row in rows],
            phrases=[row["phrase"] for row in rows],
        )
        for name, rows in sets.items()
    }


def _scaled(image: Image.Image, size_px: int) -> UInt8[np.ndarray, "height width 3"]:
    return np.asarray(image.convert("RGB").resize((size_px, size_px), Image.Resampling.BOX))


def make_pictures(work: Path, path: Path = PICTURES) -> None:
    """Take the first of each set's pictures from a work folder."""
    corpus = read_arrays(work / "corpus" / "result")
    rows = [row for name in DRAWN for row in _drawn_rows(name, work / "draws" / "result" / name, corpus.caption)]
    phrases = style_phrases()
    for name, split in PLAIN.items():
        chosen = np.nonzero((corpus.split == split) & (corpus.coverage >= _WIDELY_SHOWN))[0][:OF_EACH_SET]
        rows += [
            {
                "set": name,
                "caption": corpus.caption[row],
                "phrase": phrases[str(corpus.style[row])][0],
                "image": _encoded(Image.fromarray(np.asarray(corpus.images[row]))),
            }
            for row in chosen
        ]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")


def _drawn_rows(name: str, folder: Path, captions: Sequence[str]) -> list[dict[str, object]]:
    from data.corpus.draws import read_draws  # needs OpenCV, which measuring does not

    draws = read_draws(folder)
    return [
        {
            "set": name,
            "caption": captions[draws.rows[place]],
            "phrase": draws.phrases[place],
            "image": _encoded(Image.fromarray(np.asarray(draws.images[place]))),
        }
        for place in range(OF_EACH_SET)
    ]


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def summary(figures: Mapping[str, Figures], num_codes: int) -> dict[str, float]:
    """The JSON line: nats, PSNR, and how much higher the nats are on what was never seen."""
    line: dict[str, float] = {}
    for name, one in figures.items():
        line |= {name: round(one.nats, 3), f"{name}_se": round(one.nats_se, 3), f"psnr_{name}": round(one.psnr, 2)}
    for name in ("kept_contents", "kept_looks"):
        line[f"{name}_minus_trained"] = round(figures[name].nats - figures["trained"].nats, 3)
    line["plain_kept_minus_trained"] = round(figures["plain_kept"].nats - figures["plain_trained"].nats, 3)
    line["kept_looks_share_of_uniform"] = round(figures["kept_looks"].nats / math.log(num_codes), 3)
    return line


def main() -> None:
    """Measure a base and print what was found, or write the pictures that are measured on."""
    parser = argparse.ArgumentParser(prog="python -m bench.generalization")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--make", type=Path, metavar="WORK", help="write the drawn and plain pictures from this folder")
    arguments = parser.parse_args()
    if arguments.make is not None:
        make_pictures(arguments.make)
        return
    base = open_base(arguments.base)
    num_codes = base.generator.config.codebook_size
    print(f"{'':32} nats a token   right   psnr     (uniform over {num_codes} codes: {math.log(num_codes):.2f} nats)")
    figures = {}
    for name, pictures in read_pictures(base.size_px).items():
        one = figures[name] = measure(base, pictures)
        print(f"{name:32} {one.nats:.2f} ± {one.nats_se:.2f}    {one.share_right:.3f}   {one.psnr:.1f} dB", flush=True)
    print(json.dumps(summary(figures, num_codes)))


if __name__ == "__main__":
    main()
