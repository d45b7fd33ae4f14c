"""Pictures drawn from three icons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.corpus import draws
from data.corpus.draws import Draws, draw_pictures, read_draws
from data.corpus.layers import COLOUR, DRAWN, ENCLOSED, INK, LAYER_PX, NUM_LAYERS
from data.corpus.looks import Look, draw_look, is_left_out
from data.corpus.paint import Placement
from data.corpus.phrases import style_phrases

STYLES = ["tabler", "noto", "ph-fill"]
CAPTIONS = ["cat", "arrow left", "house"]


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    icons = np.zeros((3, LAYER_PX, LAYER_PX, NUM_LAYERS), dtype=np.uint8)
    for row, icon in enumerate(icons):
        icon[20 : 60 + 20 * row, 30:70, DRAWN] = icon[20 : 60 + 20 * row, 30:70, INK] = 255
        icon[..., ENCLOSED] = icon[..., DRAWN]
        if STYLES[row] == "noto":
            icon[..., COLOUR] = icon[..., DRAWN, None] // np.array([1, 2, 5], dtype=np.uint8)
    np.save(tmp_path / "layers.npy", icons)
    return tmp_path / "layers.npy"


def drawn(
    layers: Path,
    name: str,
    *,
    count: int = 12,
    seed: int = 0,
    kept_looks: bool = False,
    weights: tuple[float, ...] = (1, 1, 1),
) -> Draws:
    folder = layers.parent / name
    folder.mkdir()
    draw_pictures(
        layers, STYLES, CAPTIONS, np.array(weights, dtype=float), style_phrases(), folder,
        count=count, size_px=32, seed=seed, kept_looks=kept_looks,
    )  # fmt: skip
    return read_draws(folder)


def test_pictures_rows_and_phrases_lie_side_by_side(layers: Path) -> None:
    made = drawn(layers, "made")
    assert made.images.shape == (12, 32, 32, 3) and made.images.dtype == np.uint8
    assert len(made.rows) == len(made.phrases) == 12
    assert set(made.rows.tolist()) == {0, 1, 2}
    assert len({image.tobytes() for image in made.images}) == 12


def test_a_longer_run_starts_with_the_pictures_of_a_shorter_one_also_over_processes(
    layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = drawn(layers, "short", count=4)
    monkeypatch.setattr(draws, "_CHUNK", 3)
    long = drawn(layers, "long", count=7)
    assert np.array_equal(long.images[:4], short.images)
    assert long.rows[:4].tolist() == short.rows.tolist()
    assert long.phrases[:4] == short.phrases
    assert not np.array_equal(drawn(layers, "other", count=4, seed=1).images, short.images)


def test_kept_looks_are_drawn_only_where_they_are_asked_for(layers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Look] = []

    def noted(style: str, rng: np.random.Generator, *, kept: bool = False) -> Look:
        looks.append(draw_look(style, rng, kept=kept))
        return looks[-1]

    monkeypatch.setattr(draws, "draw_look", noted)
    drawn(layers, "trained", count=40)
    assert len(looks) == 40 and not any(is_left_out(look) for look in looks)
    looks.clear()
    drawn(layers, "kept", count=40, kept_looks=True)
    assert len(looks) == 40 and all(is_left_out(look) for look in looks)


def test_icons_are_drawn_by_weight_and_arrows_are_never_mirrored(layers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(drawn(layers, "weighed", count=30, weights=(0, 0, 1)).rows.tolist()) == {2}
    asked: list[bool] = []
    placement = draws.draw_placement

    def noted(rng: np.random.Generator, *, may_mirror: bool) -> Placement:
        asked.append(may_mirror)
        return placement(rng, may_mirror=may_mirror)

    monkeypatch.setattr(draws, "draw_placement", noted)
    rows = drawn(layers, "mirrored").rows.tolist()
    assert asked == [row != 1 for row in rows]


def test_nothing_to_draw_is_said_in_words(layers: Path) -> None:
    with pytest.raises(ValueError, match="weight above 0 among 3 icons to draw 12 pictures of, got none"):
        drawn(layers, "none", weights=(0, 0, 0))
