"""Which icon and emoji sets the corpus shows: each base style is one set, or one style of a set.

Training styles and held-out styles never mix. Nothing here is read from disk.
"""

from __future__ import annotations

from dataclasses import dataclass


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

ONE_COLOUR = frozenset({
    "tabler", "ph-thin", "ph-fill", "ph-duotone", "icon-park-twotone", "solar-broken", "solar-bold-duotone",
    "material-symbols-sharp", "game-icons", "healthicons", "guidance", "pixelarticons", "dinkie-icons",
    "streamline-pixel", "fluent-emoji-high-contrast", "emojione-monotone", "pepicons-pencil",
})  # fmt: skip
"""Training styles whose icons are drawn in one ink on nothing; in some of them a part of it is half transparent."""
