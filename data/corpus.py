"""An image-text corpus in which style is a controlled factor, built from three npm packages of open icons.

Every base style is one icon or emoji set; the same concept ("umbrella") is shown by many of them. A few styles
more are made by recolouring or filtering base images. Knows nothing of models, tasks or training.

1. list the usable icons of each set; 2. name what each shows, the same way in every set; 3. render on a white
square; 4. drop repeated images; 5. derive variants; 6. write Parquet shards, credits and a summary.

Five more sets are held out: built to a folder of their own on request, never mixed with the training sets.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import re
import shutil
import subprocess
import tarfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import resvg_py
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

PACKAGES = {
    "iconify": ("@iconify/json", "2.2.535"),
    "fluent": ("@lobehub/fluent-emoji-3d", "1.1.0"),
    "emojibase": ("emojibase-data", "17.0.0"),
}
"""Folder name -> (npm name, pinned version)."""

IMAGE_SIZE_PX = 128
ROWS_PER_SHARD = 4000
KEPT_FRACTION = 0.08
VARIANT_SOURCES = 250
"""A variant style has at most this many images."""
SHARED_COVERAGE = 5
"""Concepts shown by at least this many base styles are preferred as sources of variants."""
WORKERS = 2

_EVERYDAY = (
    "house car sun tree heart key umbrella rocket fish crown camera bicycle guitar cake shield cat dog star moon book "
    "bell lock cloud flower apple airplane clock gift envelope phone hat boat ship cup ball"
)
EVERYDAY = tuple(_EVERYDAY.split())
"""Words whose coverage is printed after a build: the plain things that prompts ask for."""


class CorpusError(Exception):
    """The corpus cannot be fetched, built or read."""


# --------------------------------------------------------------------------------------------------------------------
# The styles


@dataclass(frozen=True, kw_only=True, slots=True)
class IconSet:
    """Where a base style comes from, and which names of the set belong to it."""

    style: str
    collection: str
    """The set's name in the iconify package; empty for the WebP renders of the fluent package."""
    suffix: str = ""
    """Only names with this ending belong to the style; it is no part of what the icon shows."""
    without: str = ""
    """Regular expression; names in which it is found are left out."""
    is_emoji: bool = False
    prefixes: str = ""
    """Regular expression of a category in front of the name; it is no part of what the icon shows."""
    zoom: float = 1.0
    """Above 1 crops the padding which a set leaves around everything, below 1 adds some."""


_PIXEL_CATEGORIES = (
    "interface-essential|building-real-eastate|construction-building-real-eastate|real-estate|business-products?|"
    "coding-apps-websites|computers-devices-electronics|content-files|entertainment-events-hobbies|food-drink-desert|"
    "food-drink|hand-gesture|health-drug|health-laboratory|health-medical|health|internet-network|money-payments|"
    "pet-animals|photography|romance|school-science|shopping-shipping|social-rewards|technology|transportation|"
    "travel-wayfinding|video-movies|weather|ecology|design|email|music|beauty-body-care|beauty"
)

BASE_SETS = (
    IconSet(style="noto", collection="noto", is_emoji=True),
    IconSet(style="noto-v1", collection="noto-v1", is_emoji=True, zoom=0.94),
    IconSet(style="twemoji", collection="twemoji", is_emoji=True, zoom=0.94),
    IconSet(style="fluent-emoji-flat", collection="fluent-emoji-flat", is_emoji=True),
    IconSet(style="fluent-emoji-3d", collection="", is_emoji=True),
    IconSet(style="fluent-emoji-high-contrast", collection="fluent-emoji-high-contrast", is_emoji=True),
    IconSet(style="emojione", collection="emojione", is_emoji=True),
    IconSet(style="emojione-monotone", collection="emojione-monotone", is_emoji=True),
    IconSet(style="fxemoji", collection="fxemoji", is_emoji=True, without="^regionalindicator|^flag", zoom=0.95),
    IconSet(style="icon-park", collection="icon-park"),
    IconSet(style="icon-park-twotone", collection="icon-park-twotone"),
    IconSet(style="streamline-color", collection="streamline-color", without="-flat$", zoom=0.94),
    IconSet(style="streamline-sharp-color-flat", collection="streamline-sharp-color", suffix="-flat"),
    IconSet(style="streamline-plump-color-flat", collection="streamline-plump-color", suffix="-flat"),
    IconSet(style="streamline-ultimate-color", collection="streamline-ultimate-color"),
    IconSet(style="glyphs-poly", collection="glyphs-poly", zoom=1.1),
    IconSet(style="marketeq", collection="marketeq", zoom=1.15),
    IconSet(style="flat-color-icons", collection="flat-color-icons"),
    IconSet(style="flat-ui", collection="flat-ui", zoom=0.94),
    IconSet(style="game-icons", collection="game-icons"),
    IconSet(style="pixelarticons", collection="pixelarticons"),
    IconSet(style="dinkie-icons", collection="dinkie-icons", without="-small"),
    IconSet(style="streamline-pixel", collection="streamline-pixel", without="^logo-", prefixes=_PIXEL_CATEGORIES),
    IconSet(style="ph-thin", collection="ph", suffix="-thin"),
    IconSet(style="ph-duotone", collection="ph", suffix="-duotone"),
    IconSet(style="ph-fill", collection="ph", suffix="-fill"),
    IconSet(style="solar-broken", collection="solar", suffix="-broken"),
    IconSet(style="solar-bold-duotone", collection="solar", suffix="-bold-duotone"),
    IconSet(style="tabler", collection="tabler", without="^brand-|-filled$|-off$"),
    IconSet(style="material-symbols-sharp", collection="material-symbols", suffix="-outline-sharp", without="-off-"),
    IconSet(style="healthicons", collection="healthicons", without="-outline|-negative|-24px", zoom=1.12),
    IconSet(style="guidance", collection="guidance", zoom=0.94),
    IconSet(style="pepicons-pencil", collection="pepicons-pencil", without="-off|-circle|-filled|-outlined"),
)
"""The 33 training styles, and no others."""

HELD_OUT_SETS = (
    IconSet(style="streamline-stickies-color", collection="streamline-stickies-color", without="-duo$"),
    IconSet(style="streamline-freehand-color", collection="streamline-freehand-color"),
    IconSet(style="streamline-cyber-color", collection="streamline-cyber-color"),
    IconSet(style="streamline-emojis", collection="streamline-emojis", is_emoji=True),
    IconSet(style="pepicons-print", collection="pepicons-print", without="-off|-circle|-filled|-outlined"),
)
"""Styles that no training may see: for adapters and evaluation only."""

_PLAIN_EXISTS = ("-off", "-circle", "-slash", "-outline", "-outlined", "-filled", "-sharp")
"""Endings left out when the name without them is in the set too."""

_TABLER_MODIFIERS = (
    "bolt|cancel|check|code|cog|discount|dollar|down|edit|exclamation|heart|minus|pause|pin|plus|question|search|share|"
    "star|up|x|left|right|dots|stats|bitcoin|euro|pound|rupee|yen|yuan"
)
"""Tabler repeats its things with each of these small badges; only the plain thing is used."""

_TABLER_SERIES = (
    "-off-|^letter-|^number-|^(circle|square|hexagon)-(letter|number)|^square-rounded-|^circle-dashed-|^currency-|"
    "^device-(imac|ipad|mobile|laptop|desktop|tablet|watch)-|-.*-"
)
"""Letters, coins, the badges of devices, and names of three words and more, which say more than the icon shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recolour:
    """A variant of a monochrome set: another ink on another ground."""

    base: str
    variant: str
    ink: str
    ground: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Filtered:
    """A variant of a colour set: its images through a filter."""

    base: str
    variant: str
    apply: Callable[[Image.Image], Image.Image]


def _luminance(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), dtype=np.float32) / 255.0


def _to_image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values * 255.0 + 0.5, 0, 255).astype(np.uint8))


def _smooth_noise(seed: int, size_px: int, grain_px: int) -> np.ndarray:
    """Noise in 0..1, (size, size), with blobs of about `grain_px`."""
    coarse = np.random.default_rng(seed).random((max(2, size_px // grain_px), max(2, size_px // grain_px)))
    blobs = Image.fromarray((coarse * 255).astype(np.uint8)).resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.asarray(blobs, dtype=np.float32) / 255.0


def pencil(image: Image.Image) -> Image.Image:
    """Grey pencil: dark edges, hatched shadows, on off-white paper."""
    light = _luminance(image.filter(ImageFilter.GaussianBlur(0.8)))
    down, across = np.gradient(light)
    edges = np.clip(np.hypot(down, across) * 6.0, 0, 1)
    rows, columns = np.mgrid[: image.height, : image.width]
    hatch = ((rows + columns) % 5 < 2).astype(np.float32)
    cross_hatch = ((rows - columns) % 5 < 2).astype(np.float32)
    shade = 0.30 * hatch * (light < 0.80) + 0.25 * cross_hatch * (light < 0.45) + 0.12 * (light < 0.9)
    grain = 0.85 + 0.3 * _smooth_noise(1, image.width, 2)
    grey = 0.97 - np.clip(0.85 * edges + shade * grain, 0, 0.85)
    return _to_image(np.stack([grey, grey, grey * 0.99], axis=-1))


def watercolour(image: Image.Image) -> Image.Image:
    """Soft pale washes with darker rims and paper grain."""
    wash = image.filter(ImageFilter.ModeFilter(7)).filter(ImageFilter.GaussianBlur(2.2))
    colour = np.asarray(wash, dtype=np.float32) / 255.0
    bleed = _smooth_noise(2, image.width, 12)[..., None] * 0.35 + 0.12
    pale = colour + (1 - colour) * bleed
    light = _luminance(wash.filter(ImageFilter.GaussianBlur(1)))
    down, across = np.gradient(light)
    rim = np.clip(np.hypot(down, across) * 2.2, 0, 0.28)[..., None]
    paper = 0.97 + 0.03 * _smooth_noise(3, image.width, 2)[..., None]
    return _to_image(pale * (1 - rim) * paper)


def halftone(image: Image.Image) -> Image.Image:
    """Printed dots on a 6 px grid, dot size by darkness, ink in the colour of the place."""
    cell, scale = 6, 3
    small = image.resize((image.width // cell + 1, image.height // cell + 1), Image.Resampling.BOX)
    colour = np.asarray(small, dtype=np.float32)
    canvas = Image.new("RGB", (image.width * scale, image.height * scale), "white")
    draw = ImageDraw.Draw(canvas)
    for row in range(small.height):
        for column in range(small.width):
            red, green, blue = colour[row, column]
            ink = 1 - float(min(red, green, blue)) / 255.0
            if ink < 0.06:
                continue
            radius = cell * scale * 0.62 * ink**0.5
            x, y = (column + 0.5) * cell * scale, (row + 0.5) * cell * scale
            deep = tuple(int(value * 0.8) for value in (red, green, blue))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=deep)
    return canvas.resize(image.size, Image.Resampling.BOX)


def pixelate(image: Image.Image) -> Image.Image:
    """Square blocks of 8 px, few colours."""
    small = image.resize((16, 16), Image.Resampling.BOX).quantize(12).convert("RGB")
    return small.resize(image.size, Image.Resampling.NEAREST)


def stained_glass(image: Image.Image) -> Image.Image:
    """Flat cells of saturated colour between dark lead lines."""
    cells, size = 12, image.width
    generator = np.random.default_rng(4)
    rows, columns = np.mgrid[:cells, :cells]
    step = size / cells
    jitter = generator.uniform(0.15, 0.85, (2, cells, cells))
    points = np.stack([(rows + jitter[0]) * step, (columns + jitter[1]) * step], axis=-1).reshape(-1, 2)
    y, x = np.mgrid[:size, :size]
    distance = (y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2
    nearest_two = np.partition(distance, 1, axis=-1)[..., :2] ** 0.5
    owner = distance.argmin(axis=-1).ravel()
    colour = np.asarray(image, dtype=np.float32).reshape(-1, 3) / 255.0
    count = np.bincount(owner, minlength=len(points)).clip(1)
    mean = np.stack([np.bincount(owner, colour[:, c], minlength=len(points)) / count for c in range(3)], axis=-1)
    grey = mean.mean(axis=-1, keepdims=True)
    glass = np.clip(grey + (mean - grey) * 1.5, 0, 1)
    is_ground = mean.min(axis=-1, keepdims=True) > 0.93
    sky = np.array([0.70, 0.85, 0.93]) * generator.uniform(0.85, 1.05, (len(points), 1))
    glass = np.where(is_ground, sky, glass)[owner].reshape(size, size, 3)
    lead = (nearest_two[..., 1] - nearest_two[..., 0] < 1.8)[..., None]
    return _to_image(np.where(lead, 0.12, glass))


def neon(image: Image.Image) -> Image.Image:
    """Glowing coloured outlines on black."""
    edges = np.zeros((image.height, image.width), dtype=np.float32)
    for band in image.filter(ImageFilter.GaussianBlur(1.0)).split():
        down, across = np.gradient(np.asarray(band, dtype=np.float32) / 255.0)
        edges = np.maximum(edges, np.hypot(down, across))
    edges = np.clip(edges * 6.0, 0, 1)
    local = np.asarray(image.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.GaussianBlur(2)).convert("HSV")).copy()
    local[..., 1], local[..., 2] = 220, 255
    hue = np.asarray(Image.fromarray(local, "HSV").convert("RGB"), dtype=np.float32) / 255.0
    tube = hue * edges[..., None]
    glow = np.asarray(_to_image(tube).filter(ImageFilter.GaussianBlur(4)), dtype=np.float32) / 255.0
    core = np.clip(edges - 0.75, 0, 1)[..., None] * 1.6
    return _to_image(np.clip(glow * 1.1 + tube + core, 0, 1))


def emboss(image: Image.Image) -> Image.Image:
    """Raised relief in one grey clay, lit from the upper left."""
    light = _luminance(image.filter(ImageFilter.GaussianBlur(1.2)))
    down, across = np.gradient(light)
    relief = np.clip(0.62 + (down + across) * 3.2, 0, 1)
    return _to_image(np.stack([relief * 1.0, relief * 0.98, relief * 0.95], axis=-1))


def oil_paint(image: Image.Image) -> Image.Image:
    """Thick daubs of few strong colours on a canvas-toned ground."""
    ground = ImageChops.multiply(image, Image.new("RGB", image.size, (248, 236, 214)))
    size = image.width
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    shift_y = ((_smooth_noise(5, size, 6) - 0.5) * 9 + rows).round().clip(0, size - 1).astype(int)
    shift_x = ((_smooth_noise(6, size, 6) - 0.5) * 9 + columns).round().clip(0, size - 1).astype(int)
    daubs = Image.fromarray(np.asarray(ground)[shift_y, shift_x])
    flat = ImageOps.posterize(daubs.filter(ImageFilter.ModeFilter(7)), 3)
    colour = np.asarray(flat, dtype=np.float32) / 224.0
    ridges = (_smooth_noise(7, size, 3) - 0.5)[..., None] * 0.22
    return _to_image(colour * (1 + ridges))


RECOLOURS = (
    Recolour(base="tabler", variant="white-on-navy", ink="#ffffff", ground="#14284b"),
    Recolour(base="ph-fill", variant="red-on-cream", ink="#c8202a", ground="#fbf1d8"),
    Recolour(base="game-icons", variant="gold-on-black", ink="#e3b23c", ground="#0c0c0c"),
    Recolour(base="ph-thin", variant="green-on-white", ink="#0b8a3e", ground="#ffffff"),
    Recolour(base="ph-fill", variant="white-on-orange", ink="#ffffff", ground="#f07818"),
    Recolour(base="fluent-emoji-high-contrast", variant="pink-on-purple", ink="#ff9ad5", ground="#4b1d73"),
    Recolour(base="material-symbols-sharp", variant="cyan-on-dark-grey", ink="#2fd6e8", ground="#2b2e33"),
    Recolour(base="game-icons", variant="brown-on-beige", ink="#6b3e1f", ground="#e9d9bd"),
)
FILTERS = (
    Filtered(base="noto", variant="pencil", apply=pencil),
    Filtered(base="fluent-emoji-flat", variant="watercolour", apply=watercolour),
    Filtered(base="twemoji", variant="halftone", apply=halftone),
    Filtered(base="noto", variant="pixelate", apply=pixelate),
    Filtered(base="twemoji", variant="stained-glass", apply=stained_glass),
    Filtered(base="fluent-emoji-flat", variant="neon", apply=neon),
    Filtered(base="fluent-emoji-3d", variant="embossed", apply=emboss),
    Filtered(base="fluent-emoji-3d", variant="oil-paint", apply=oil_paint),
)

# --------------------------------------------------------------------------------------------------------------------
# The packages


def fetch_packages(folder: str | Path) -> None:
    """Fetch the three pinned npm packages into `folder`/{iconify,fluent,emojibase}/package (about 125 MB).

    What is there already is not fetched again.

    Raises:
        CorpusError: if npm is not installed, or a package cannot be fetched.
    """
    folder = Path(folder)
    for directory, (name, version) in PACKAGES.items():
        target = folder / directory
        if (target / "package" / "package.json").is_file():
            continue
        if shutil.which("npm") is None:
            raise CorpusError(f"npm is needed to fetch {name}@{version}, but is not on PATH; install Node.js with npm")
        target.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", f"{name}@{version}", "--json"], cwd=target, capture_output=True, text=True, check=False
        )
        archives = sorted(target.glob("*.tgz"))
        if packed.returncode or not archives:
            raise CorpusError(f"npm could not fetch {name}@{version} into {target}: {packed.stderr.strip()[-400:]}")
        with tarfile.open(archives[-1]) as archive:
            archive.extractall(target, filter="data")
        archives[-1].unlink()


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise CorpusError(f"{path} is missing; fetch the packages first with fetch_packages")
    return json.loads(path.read_text(encoding="utf-8"))


# --------------------------------------------------------------------------------------------------------------------
# What an icon shows

_SYNONYMS = {
    "house": "home|house building|house chimney|home simple|house alt|building house|home alt",
    "car": "automobile|car side|car retro|city car|motor car",
    "sun": "sun with rays|black sun with rays|sunny|weather sun|white sun|sun rays",
    "tree": "deciduous tree|tree deciduous|trees tree",
    "pine tree": "evergreen tree|evergreen|tree evergreen",
    "heart": "red heart|heart suit|heart black suit|black heart suit|hearts suit|heart favorite|favorite heart",
    "umbrella": "umbrella with rain drops|closed umbrella|open umbrella|umbrella open|rain umbrella|ubmrella",
    "rocket": "space rocket|rocket launch|rocket ship",
    "fish": "fish alt|allergens fish",
    "crown": "vip crown queen|vip crown king|vip crown|queen crown|crown king|crown line|crown simple",
    "camera": "photo camera|camera photo|camera alt",
    "bicycle": "bike|bicycle bike|pedal bike|fitness bicycle|dutch bike",
    "guitar": "acoustic guitar|modern music electric guitar|electric guitar|guitars|music guitar|guitar electric",
    "cake": "birthday cake|cake slice|desert cake|cake birthday",
    "shield": "protect guard|shield plain",
    "cat": "cat side",
    "dog": "dog side",
    "star": "white medium star|favorite star|rating star|medium star|white star|glyph star",
    "moon": "crescent moon|moon stars|night moon|cresent moon stars",
    "book": "closed book|book closed|close book|notebook book",
    "bell": "notification bell|alarm bell|bell notification|bell ring|ringing bell|alarm bell ring|bell ringing|"
    "ringing bell notification|bell simple",
    "lock": "locked|padlock|lock closed|lock simple|lock laminated|lock keyhole",
    "cloud": "weather cloud|cloud alt|clouds",
    "flower": "blossom|flower alt|hibiscus|potted flower|focus flower|flower lotus|flower tulip",
    "apple": "red apple|apple fruit|apple whole|shiny apple",
    "airplane": "plane|airport plane|plane side|jet plane right|commercial airplane|aeroplane|jet plane|aircraft",
    "clock": "three oclock|three o clock|clock 3 oclock|clock circle|clock alt|clock one|circle clock|time clock|"
    "time clock circle|clocks|"
    "clock 3|wall clock",
    "gift": "wrapped gift|present|gift box|wrapped present|products gift|reward gift",
    "envelope": "mail|email|e mail|e-mail|letter|email envelope|letter symbol|lettersymbol|envelope simple|"
    "envelope letter|email envelope close|envelope close|mail envelope",
    "phone": "telephone|telephone receiver|black telephone|phone telephone|retro phone|phone retro|rotary phone|"
    "landline|telephone receiver 2|old telephone|vintage phone|phone line|phone call|calling phone",
    "mobile phone": "mobile|smartphone|cell phone|cellphone|iphone|handphone|device mobile|mobile phone alt|"
    "phone portrait|smart phone",
    "hat": "top hat|tophat|hat alt",
    "boat": "sailboat|sail boat|sail ship|sailing boat|sailing",
    "ship": "cargo ship|shipment cargo boat|ship water|ship front",
    "cup": "hot beverage|tea cup|coffee cup|coffee|mug|coffee mug|cup hot|hot coffee|coffee tea cup|food cup|"
    "teacup without handle|coffee takeaway cup|tea",
    "ball": "soccer ball|soccer|ball football|football ball|soccer field ball|play ball",
    "basketball": "ball basketball|basketball ball",
    "american football": "ball american football|american football ball",
    "magnifying glass": "magnifying glass tilted left|left magnifying glass|search|magnifier|magnifying",
    "gear": "settings|setting|cog|cogwheel",
    "light bulb": "bulb|lightbulb|idea bulb|bulb alt|electric bulb",
    "trash can": "trash|wastebasket|bin|recycle bin|trash bin|garbage can",
    "shopping cart": "cart|shopping trolley|shopping cart trolley",
    "fire": "flame|flames|fire flame",
    "lightning": "high voltage|bolt|lightning bolt|thunder|zap|flash lightning|lightning alt",
    "droplet": "drop|water drop|waterdrop|drops|raindrop|drop simple",
    "glasses": "eyeglasses|spectacles|eye glasses",
    "headphones": "headphone|headset headphones|earphones",
    "microphone": "mic|studio microphone|microphone stage",
    "television": "tv|television vintage|old television|tv retro",
    "laptop": "labtop|laptop computer|notebook computer|macbook|device laptop",
    "truck": "delivery truck|lorry",
    "floppy disk": "floppy|diskette|save disk|floppy disc",
    "map pin": "round pushpin|location pin|map marker|location|place marker|map point",
    "flag": "triangular flag|triangular flag on post|flag alt",
    "trophy": "cup trophy|trophy cup",
    "pizza": "pizza slice|slice of pizza",
    "ice cream": "icecream|soft ice cream|ice cream cone|soft serve ice cream",
    "rabbit": "bunny",
    "paw print": "paw prints|paw|pets",
    "tooth": "teeth|dentistry tooth",
    "skull": "skull head",
    "mountain": "mountains|mountain alt",
    "chat bubble": "speech balloon|chat|speech bubble|message bubble|chat bubble oval",
    "musical note": "music note|note music|music",
    "snowflake": "snow flake",
    "mushroom": "mushrooms",
    "medal": "sports medal|military medal",
    "globe": "earth|world|globe showing europe africa|globe earth",
    "paint palette": "artist palette|palette|colour palette|color palette",
    "paint brush": "paintbrush|brush paint",
    "game controller": "video game|gamepad|joystick controller|game console|device gamepad",
    "newspaper": "news|news paper|newspapers",
    "open book": "book open|book opened|opened book",
    "unlocked lock": "unlocked|unlock|open lock|lock open|lock unlocked",
    "hourglass": "hourglass done|sand clock|sandglass",
    "luggage": "suitcase|trolley suitcase",
}
"""Everyday things only: one name -> what sets call it."""

_SYNONYM_OF = {other: name for name, others in _SYNONYMS.items() for other in others.split("|")}

_SET_NAMES = {
    "material-symbols-sharp": {
        "directions car": "car", "wb sunny": "sun", "clear day": "sun", "park": "tree", "nature": "tree",
        "favorite": "heart", "directions bike": "bicycle", "bedtime": "moon", "dark mode": "moon",
        "notifications": "bell", "local florist": "flower", "flight": "airplane", "travel": "airplane",
        "schedule": "clock", "redeem": "gift", "featured seasonal and gifts": "gift", "call": "phone",
        "directions boat": "ship", "local cafe": "cup", "sports soccer": "ball", "delete": "trash can",
        "visibility": "eye", "local fire department": "fire", "local pizza": "pizza", "icecream": "ice cream",
        "ac unit": "snowflake", "travel explore": "globe search", "phishing": "fish hook",
        "chess queen": "crown", "crown": "crown", "rainy": "rain", "lightbulb": "light bulb", "sports basketball":
        "basketball", "menu book": "open book", "school": "graduation cap", "local shipping": "truck",
        "emoji events": "trophy", "pedal bike": "bicycle", "restaurant": "fork and knife", "smartphone": "mobile phone",
        "photo camera": "camera", "train": "train", "directions bus": "bus", "landscape": "mountain",
    },
    "streamline-color": {"waning cresent moon": "moon", "hearts symbol": "hearts"},
    "streamline-sharp-color-flat": {"smart key": "key", "startup": "rocket", "mail send envelope": "envelope"},
    "streamline-plump-color-flat": {"airplane enabled": "airplane", "startup": "rocket", "multiple stars": "stars"},
    "healthicons": {"star large": "star"},
    "flat-color-icons": {"like": "heart"},
    "streamline-pixel": {"cloud sun fine": "sun behind cloud"},
    "pepicons-pencil": {"camera": "video camera", "photo camera": "camera"},
    "solar-broken": {"cup": "trophy", "plane": "paper airplane", "balls": "balls of many sports"},
    "solar-bold-duotone": {"cup": "trophy", "plane": "paper airplane", "balls": "balls of many sports"},
    "icon-park": {"heart": "human heart", "like": "heart", "phone": "mobile phone", "phone telephone": "phone"},
    "icon-park-twotone": {"heart": "human heart", "like": "heart", "phone": "mobile phone"},
    "pepicons-print": {"camera": "video camera", "photo camera": "camera"},
    "flat-ui": {"cup": "trophy", "weather": "sun behind cloud", "pig": "piggy bank"},
    "fxemoji": {"cat": "cat face", "dog": "dog face", "catside": "cat", "dogside": "dog"},
    "dinkie-icons": {"house building": "house"},
}  # fmt: skip
"""What a set calls a thing where that name means something else, or nothing, in other sets."""

_NUMERAL_WORDS = "one|two|three|four|five|six"
_SHAPE_WORDS = re.compile(r" (minimalistic|rounded|alt\d?|filled|sharp|simple|\d+)$")


def _hex_key(hexcode: str) -> str:
    """A hexcode without its variation selectors, so that all packages agree on it."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def _words(text: str) -> str:
    """Lower-case words of letters and digits, one blank between them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", "")
    return " ".join(re.findall(r"[a-z0-9]+", plain))


@dataclass(frozen=True, slots=True)
class _EmojiNames:
    """CLDR names of emoji, found by hexcode, by label, and by older names of the same emoji."""

    label: dict[str, str] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    hexcode_of: dict[str, str] = field(default_factory=dict)
    """Any known name, without blanks -> hexcode."""
    not_used: set[str] = field(default_factory=set)
    """Hexcodes of flags and of parts of emoji."""
    vocabulary: set[str] = field(default_factory=set)

    def split(self, joined: str) -> str:
        """Cut words written together ("housewithgarden") at known words; unknown text is returned as it is."""
        best: dict[int, tuple[int, list[str]]] = {0: (0, [])}  # end -> cost and words of the cheapest cut up to it
        for end in range(1, len(joined) + 1):
            for start in range(max(0, end - 16), end):
                word = joined[start:end]
                if start not in best or not (word in self.vocabulary or word.isdigit()):
                    continue
                cost = best[start][0] + (1 if len(word) > 2 else 3)
                if end not in best or cost < best[end][0]:
                    best[end] = (cost, [*best[start][1], word])
        return " ".join(best[len(joined)][1]) if len(joined) in best else joined


def _read_emoji_names(packages: Path) -> _EmojiNames:
    names = _EmojiNames()
    for entry in _read_json(packages / "emojibase/package/en/data.json"):
        key = _hex_key(entry["hexcode"])
        names.label[key] = _words(entry["label"])
        names.tags[key] = list(entry.get("tags", []))
        if entry.get("group") in (2, 9, None):
            names.not_used.add(key)
        names.hexcode_of.setdefault(names.label[key].replace(" ", ""), key)
    for key in list(names.label):
        if "-" not in key:
            older = _words(unicodedata.name(chr(int(key, 16)), ""))
            names.hexcode_of.setdefault(older.replace(" ", ""), key)
    for collection in ("noto", "twemoji", "fluent-emoji-flat"):
        path = packages / f"iconify/package/json/{collection}.json"
        if not path.is_file():
            continue
        data = json.loads(path.read_text(encoding="utf-8"))
        by_name = {name: _hex_key(code) for code, name in data.get("chars", {}).items()}
        for alias, entry in data.get("aliases", {}).items():
            if entry["parent"] in by_name:
                by_name.setdefault(alias, by_name[entry["parent"]])
        for name, key in by_name.items():
            names.hexcode_of.setdefault(_words(name).replace(" ", ""), key)
    for key in list(names.label):
        names.vocabulary.update(word for word in names.label[key].split() if len(word) > 1 or word == "a")
    for name in names.hexcode_of.values():
        names.vocabulary.update(w for tag in names.tags.get(name, []) for w in _words(tag).split() if len(w) > 2)
    names.vocabulary.update(
        ["building", "square", "white", "black", "letter", "small", "large", "headed", "clockwise", "anticlockwise"]
    )
    return names


@dataclass(frozen=True, kw_only=True, slots=True)
class _Icon:
    """One image to be made, and what it shows."""

    style: str
    name: str
    concept: str
    caption: str
    tags: tuple[str, ...]
    svg: str = ""
    webp: str = ""
    """Path of a ready image, where there is no SVG."""
    ink: str = "black"
    ground: str = "white"


def _describe(name: str, icon_set: IconSet, hexcode: str | None, emoji: _EmojiNames) -> tuple[str, tuple[str, ...]]:
    """The caption and tags of an icon."""
    if icon_set.prefixes:
        name = re.sub(rf"^(?:{icon_set.prefixes})-(?=[a-z])", "", name)
    words = _words(name)
    own = _SET_NAMES.get(icon_set.style, {})
    if hexcode is None and words in own:
        words = own[words]
        hexcode = emoji.hexcode_of.get(words.replace(" ", ""))
        return _SYNONYM_OF.get(words, words), tuple(emoji.tags.get(hexcode or "", ()))
    if hexcode is None and icon_set.is_emoji:
        hexcode = emoji.hexcode_of.get(words.replace(" ", ""))
        if hexcode is None and icon_set.style == "fxemoji":
            words = emoji.split(words)
    if hexcode is None:
        words = re.sub(r"(?<=[a-z]{3})\d+$", "", words)
        while (shorter := _SHAPE_WORDS.sub("", words)) != words:
            words = shorter
        if icon_set.collection.startswith("icon-park"):
            words = re.sub(rf"(?<=.) (?:{_NUMERAL_WORDS})$", "", words)
        if words not in _SYNONYMS:
            hexcode = emoji.hexcode_of.get(_SYNONYM_OF.get(words, words).replace(" ", ""))
    if hexcode is not None and hexcode in emoji.label:
        label = emoji.label[hexcode]
        tags = [*emoji.tags[hexcode], *([label] if label in _SYNONYM_OF else [])]
        return _SYNONYM_OF.get(label, label), tuple(dict.fromkeys(tags))
    caption = own.get(words, _SYNONYM_OF.get(words, words))
    if caption in _SYNONYMS:
        key = emoji.hexcode_of.get(caption.replace(" ", ""), "")
        return caption, tuple(emoji.tags.get(key, ()))
    return caption, ()


def _usable_names(icon_set: IconSet, icons: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(full name, name without the style's suffix) of the icons of a set that are used, in the set's order."""
    plain = {}
    for full, icon in icons.items():
        if icon.get("hidden") or not full.endswith(icon_set.suffix):
            continue
        if icon_set.without and re.search(icon_set.without, full):
            continue
        plain[full[: len(full) - len(icon_set.suffix)]] = full
    for name, full in plain.items():
        if re.search(r"skin-tone|^flag-|^regional-indicator", name) and icon_set.is_emoji:
            continue
        repeats = any(name.endswith(end) and name[: -len(end)] in plain for end in _PLAIN_EXISTS)
        # The two pixel sets draw these endings in a way of their own, and would lose a third of their images.
        redrawn = icon_set.collection in ("dinkie-icons", "pixelarticons") and re.search("-filled$|-sharp$", name)
        if repeats and not redrawn:
            continue
        if icon_set.style == "tabler":
            stem, _, last = name.rpartition("-")
            if (re.fullmatch(_TABLER_MODIFIERS, last) and stem in plain) or re.search(_TABLER_SERIES, name):
                continue
        yield full, name


def _svg(icon: dict[str, Any], data: dict[str, Any], zoom: float) -> str:
    """The whole SVG: the icon, its ink still `black`, in the middle of a square."""
    width, height = (icon.get(key, data.get(key, 16)) for key in ("width", "height"))
    left, top = (icon.get(key, data.get(key, 0)) for key in ("left", "top"))
    side = max(width, height) / zoom
    box = f"{left - (side - width) / 2:g} {top - (side - height) / 2:g} {side:g} {side:g}"
    body = icon["body"].replace("currentColor", "black")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}" '
        f'width="{side:g}" height="{side:g}">{body}</svg>'
    )


def _list_renders(packages: Path, icon_set: IconSet, emoji: _EmojiNames) -> Iterator[_Icon]:
    for path in sorted((packages / "fluent/package/assets").glob("*.webp")):
        hexcode = _hex_key(path.stem)
        if hexcode in emoji.not_used or hexcode not in emoji.label or re.search("1f3f[b-f]", hexcode):
            continue
        name = emoji.label[hexcode].replace(" ", "-")
        caption, tags = _describe(name, icon_set, hexcode, emoji)
        yield _Icon(style=icon_set.style, name=name, concept=caption, caption=caption, tags=tags, webp=str(path))


def _list_icons(packages: Path, sets: Sequence[IconSet], emoji: _EmojiNames) -> list[_Icon]:
    """All icons of the sets, without rendering anything; `concept` is still the caption."""
    listed: list[_Icon] = []
    for icon_set in sets:
        if not icon_set.collection:
            listed += _list_renders(packages, icon_set, emoji)
            continue
        data = _read_json(packages / f"iconify/package/json/{icon_set.collection}.json")
        hexcodes = {name: _hex_key(code) for code, name in data.get("chars", {}).items()}
        icons = dict(data["icons"])
        flags = set(data.get("categories", {}).get("Flags", ())) if icon_set.is_emoji else set()
        if icon_set.suffix:  # a set draws a thing once where two of its styles would not differ, and gives it two names
            for alias, entry in data.get("aliases", {}).items():
                if alias.endswith(icon_set.suffix) and set(entry) == {"parent"} and entry["parent"] in icons:
                    caption, tags = _describe(alias[: -len(icon_set.suffix)], icon_set, None, emoji)
                    if caption in _SYNONYMS or tags:
                        icons[alias] = icons[entry["parent"]]
        for full, name in _usable_names(icon_set, icons):
            if full in flags:
                continue
            hexcode = hexcodes.get(full)
            if icon_set.is_emoji:
                hexcode = hexcode or emoji.hexcode_of.get(_words(name).replace(" ", ""))
                if hexcode and (hexcode in emoji.not_used or re.search("1f3f[b-f]|^1f1[ef]", hexcode)):
                    continue
                if hexcode not in emoji.label or _words(name) in _SET_NAMES.get(icon_set.style, {}):
                    hexcode = None
            caption, tags = _describe(name, icon_set, hexcode, emoji)
            if not caption or (len(caption) == 1 and not icon_set.is_emoji):
                caption = _words(name)
            listed.append(_Icon(style=icon_set.style, name=name, concept=caption, caption=caption, tags=tags,
                                svg=_svg(icons[full], data, icon_set.zoom)))  # fmt: skip
    return listed


_NO_SINGULAR = {"glasses", "leaves", "times", "cheers"}
"""Their singular is another thing."""


def _singular(phrase: str) -> str:
    head, _, last = phrase.rpartition(" ")
    if last in _NO_SINGULAR:
        return phrase
    if last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif re.search("(ch|sh|x|ss)es$", last):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return f"{head} {last}".strip()


def _concepts(captions: Iterable[str]) -> dict[str, str]:
    """Caption -> concept: plurals join the singular where both are shown."""
    known = set(captions)
    return {caption: singular if (singular := _singular(caption)) in known else caption for caption in known}


# --------------------------------------------------------------------------------------------------------------------
# Rendering


def _render(icon: _Icon) -> Image.Image:
    """The icon as RGB on its ground, `IMAGE_SIZE_PX` square."""
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    if icon.webp:
        with Image.open(icon.webp) as opened:
            picture = opened.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).convert("RGBA")
    else:
        svg = icon.svg.replace('"black"', f'"{icon.ink}"') if icon.ink != "black" else icon.svg
        png = resvg_py.svg_to_bytes(svg_string=svg, width=IMAGE_SIZE_PX, height=IMAGE_SIZE_PX, skip_system_fonts=True)
        with Image.open(io.BytesIO(bytes(png))) as opened:
            picture = opened.convert("RGBA")
    canvas = Image.new("RGBA", size, icon.ground)
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=30, method=2)
    return buffer.getvalue()


_Job = tuple[_Icon, Callable[[Image.Image], Image.Image] | None]
"""An icon, and the filter that is laid on it, if any."""


def _render_and_encode(job: _Job) -> tuple[bytes, str]:
    """(lossless WebP, hash of the pixels); no bytes for an icon which renders blank or not at all."""
    icon, apply = job
    try:
        image = _render(icon)
    except ValueError:
        return b"", ""
    if image == Image.new("RGB", image.size, image.getpixel((0, 0))):
        return b"", ""
    if apply is not None:
        image = apply(image)
    return _encode(image), hashlib.sha256(image.tobytes()).hexdigest()


# --------------------------------------------------------------------------------------------------------------------
# Building

_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("style", pa.string()),
        ("concept", pa.string()),
        ("caption", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("split", pa.string()),
        ("style_coverage", pa.int32()),
        ("image", pa.binary()),
    ]
)


def _fraction(text: str) -> float:
    """A number in [0, 1) which depends on the text only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _variant_sources(icons: Sequence[_Icon], base: str, coverage: dict[str, int]) -> list[_Icon]:
    """One icon a concept; widely shown concepts first, and the same ones for every base."""
    first: dict[str, _Icon] = {}
    for icon in icons:
        if icon.style == base and (
            icon.concept not in first or icon.caption == icon.concept != first[icon.concept].caption
        ):
            first[icon.concept] = icon
    everyday = set(EVERYDAY)
    order = sorted(
        first.values(),
        key=lambda icon: (
            icon.concept not in everyday,
            coverage[icon.concept] < SHARED_COVERAGE,
            _fraction(icon.concept),
        ),
    )
    return order[:VARIANT_SOURCES]


def _with_concepts(icons: Sequence[_Icon], concept_of: dict[str, str]) -> list[_Icon]:
    return [replace(icon, concept=concept_of.get(icon.caption, icon.caption)) for icon in icons]


def build_corpus(packages: str | Path, out: str | Path, *, held_out: bool = False) -> dict[str, Any]:
    """Render the training styles and their variants (or the held-out styles alone) and write them to `out`.

    Writes `part-NNNNN.parquet` (about 4000 rows each, images of 128x128 px RGB as lossless WebP), `CREDITS.md` and
    `corpus.json`. The same packages give the same rows in the same order. The image of a variant is in the same
    split as the image it was made from. Returns what `corpus.json` holds.

    Raises:
        CorpusError: if a package file is missing, or `out` already holds shards of another build.
    """
    packages, out = Path(packages), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if list(out.glob("*.parquet")):
        raise CorpusError(f"{out} already holds a corpus; remove it or choose another folder")
    emoji = _read_emoji_names(packages)
    base_icons = _list_icons(packages, BASE_SETS, emoji)
    concept_of = _concepts(icon.caption for icon in base_icons)
    base_icons = _with_concepts(base_icons, concept_of)
    shown: dict[str, set[str]] = defaultdict(set)
    for icon in base_icons:
        shown[icon.concept].add(icon.style)
    coverage = {concept: len(styles) for concept, styles in shown.items()}

    sets = HELD_OUT_SETS if held_out else BASE_SETS
    icons = _with_concepts(_list_icons(packages, sets, emoji), concept_of) if held_out else base_icons
    rows: list[dict[str, Any]] = []
    with multiprocessing.Pool(WORKERS) as pool:

        def add(jobs: Sequence[_Job], styles: Sequence[str]) -> list[_Icon]:
            """Render, and keep what is neither blank nor seen before."""
            added = []
            for (icon, _), style, (image, digest) in zip(
                jobs, styles, pool.imap(_render_and_encode, jobs, chunksize=64), strict=True
            ):
                image_id = f"{style}/{icon.name}"
                if not image or digest in seen or image_id in used:
                    continue
                seen.add(digest)
                used.add(image_id)
                added.append(icon)
                rows.append(
                    {
                        "image_id": image_id,
                        "style": style,
                        "concept": icon.concept,
                        "caption": icon.caption,
                        "tags": list(icon.tags),
                        "split": "kept" if _fraction(f"{icon.style}/{icon.name}") < KEPT_FRACTION else "train",
                        "style_coverage": coverage.get(icon.concept, 0),
                        "image": image,
                    }
                )
            return added

        seen: set[str] = set()
        used: set[str] = set()
        kept = add([(icon, None) for icon in icons], [icon.style for icon in icons])
        if not held_out:
            jobs: list[_Job] = []
            styles: list[str] = []
            for recolour in RECOLOURS:
                for icon in _variant_sources(kept, recolour.base, coverage):
                    jobs.append((replace(icon, ink=recolour.ink, ground=recolour.ground), None))
                    styles.append(f"{recolour.base}+{recolour.variant}")
            for filtered in FILTERS:
                for icon in _variant_sources(kept, filtered.base, coverage):
                    jobs.append((icon, filtered.apply))
                    styles.append(f"{filtered.base}+{filtered.variant}")
            add(jobs, styles)

    rows.sort(key=lambda row: _fraction("order 1 " + row["image_id"]))
    for number, start in enumerate(range(0, len(rows), ROWS_PER_SHARD)):
        table = pa.Table.from_pylist(rows[start : start + ROWS_PER_SHARD], schema=_SCHEMA)
        pq.write_table(table, out / f"part-{number:05d}.parquet", compression="zstd", row_group_size=500)
    summary = _write_credits(packages, out, sets, rows)
    everyday = {word: coverage.get(word, 0) for word in EVERYDAY}
    print(f"{len(rows)} images, {len(summary['counts'])} styles, {len({row['concept'] for row in rows})} concepts")
    print("styles (of 33) that show: " + ", ".join(f"{word} {count}" for word, count in everyday.items()))
    return summary


def _write_credits(
    packages: Path, out: Path, sets: Sequence[IconSet], rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Write CREDITS.md and corpus.json; return the latter."""
    collections = _read_json(packages / "iconify/package/collections.json")
    licences: dict[str, dict[str, str]] = {}
    for icon_set in sets:
        if icon_set.collection:
            info = collections[icon_set.collection]
            author, licence = info.get("author", {}), info["license"]
            licences[icon_set.style] = {
                "set": info["name"], "author": author.get("name", ""), "source": author.get("url", ""),
                "licence": licence["title"], "spdx": licence["spdx"], "url": licence.get("url", ""),
            }  # fmt: skip
        else:
            licences[icon_set.style] = {
                "set": "Fluent Emoji 3D", "author": "Microsoft; packaged by LobeHub",
                "source": "https://github.com/lobehub/fluent-emoji", "licence": "MIT", "spdx": "MIT",
                "url": "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE",
            }  # fmt: skip
    lines = [
        "# Credits", "",
        "Every image was rendered from one of these sets at 128x128 px on white. Styles named `set+variant` are",
        "changed further: recoloured or filtered. The sets' authors endorse neither this corpus nor models trained on",
        "it.", "",
        "| style | set | author | licence | SPDX |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for style, credit in licences.items():
        lines.append(
            f"| {style} | {credit['set']} | [{credit['author']}]({credit['source']}) "
            f"| [{credit['licence']}]({credit['url']}) | {credit['spdx']} |"
        )
    lines += ["", "Names and keywords of emoji: Unicode CLDR through emojibase-data (MIT).", ""]
    (out / "CREDITS.md").write_text("\n".join(lines), encoding="utf-8")
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row["image"])
    counts = Counter(row["style"] for row in rows)
    summary = {
        "packages": {name: version for name, version in PACKAGES.values()},
        "images": len(rows),
        "image_size_px": IMAGE_SIZE_PX,
        "counts": dict(sorted(counts.items())),
        "splits": dict(sorted(Counter(row["split"] for row in rows).items())),
        "concepts": len({row["concept"] for row in rows}),
        "licences": licences,
        "sha256": digest.hexdigest(),
    }
    (out / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary


# --------------------------------------------------------------------------------------------------------------------
# Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A corpus in memory; entry i of every column belongs to image i."""

    images: np.ndarray
    """uint8, (images, size, size, 3), RGB."""
    image_id: list[str]
    style: np.ndarray
    """str, (images,): the set, or `set+variant`."""
    concept: np.ndarray
    """str, (images,): the same key in all styles that show the thing."""
    caption: list[str]
    """What the image shows, in words."""
    tags: list[list[str]]
    split: np.ndarray
    """str, (images,): `train` or `kept`."""
    coverage: np.ndarray
    """int32, (images,): number of the 33 base styles that show the concept."""

    def __len__(self) -> int:
        return len(self.image_id)


def _decode(job: tuple[list[bytes], int]) -> np.ndarray:
    images, size_px = job
    decoded = np.empty((len(images), size_px, size_px, 3), dtype=np.uint8)
    for number, data in enumerate(images):
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("RGB")
        if picture.width != size_px:
            # BOX keeps flat areas and pixel grids free of the ringing that LANCZOS draws around hard edges.
            picture = picture.resize((size_px, size_px), Image.Resampling.BOX)
        decoded[number] = np.asarray(picture)
    return decoded


def read_corpus(folder: str | Path, size_px: int = IMAGE_SIZE_PX) -> Corpus:
    """Read all shards of a corpus, the images scaled to `size_px` square, in the order in which they were written.

    Raises:
        ValueError: if `size_px` is not in 1..128.
        CorpusError: if the folder holds no shards.
    """
    if not 1 <= size_px <= IMAGE_SIZE_PX:
        raise ValueError(f"size_px must be in 1..{IMAGE_SIZE_PX}, got {size_px}")
    shards = sorted(Path(folder).glob("part-*.parquet"))
    if not shards:
        raise CorpusError(f"no part-*.parquet in {folder}; build the corpus first with build_corpus")
    table = pa.concat_tables(pq.read_table(shard, schema=_SCHEMA) for shard in shards)
    data = table["image"].to_pylist()
    jobs = [(data[start : start + 500], size_px) for start in range(0, len(data), 500)]
    with multiprocessing.Pool(WORKERS) as pool:
        images = np.concatenate(list(pool.imap(_decode, jobs)))
    return Corpus(
        images=images,
        image_id=table["image_id"].to_pylist(),
        style=np.array(table["style"].to_pylist()),
        concept=np.array(table["concept"].to_pylist()),
        caption=table["caption"].to_pylist(),
        tags=table["tags"].to_pylist(),
        split=np.array(table["split"].to_pylist()),
        coverage=table["style_coverage"].to_numpy().astype(np.int32),
    )


def _phrases() -> dict[str, dict[str, list[str]]]:
    phrases: dict[str, dict[str, list[str]]] = _read_json(Path(__file__).with_name("corpus_styles.json"))
    return phrases


def style_phrases() -> dict[str, list[str]]:
    """Training style -> phrasings of its look, the first the plainest; to be read in "{content} in {phrase} style"."""
    return _phrases()["training"]


def held_out_phrases() -> dict[str, list[str]]:
    """Held-out style -> phrasings of its look; never for training."""
    return _phrases()["held_out"]
