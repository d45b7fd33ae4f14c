"""Textures, each on a red square."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from data.corpus import looks
from data.corpus.textures import TEXTURES, smooth_noise


def textured(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    picture = np.ones((128, 128, 3), dtype=np.float32)
    picture[30:90, 40:100] = (0.85, 0.25, 0.1)
    silhouette = (picture[..., 1] < 1).astype(np.float32)
    return picture, TEXTURES[name](picture.copy(), silhouette, 0.06, np.random.default_rng(seed))


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_changes_the_picture_keeps_its_size_and_repeats_exactly(name: str) -> None:
    picture, changed = textured(name)
    assert changed.shape == picture.shape
    assert np.isfinite(changed).all()
    assert np.abs(changed.clip(0, 1) - picture).mean() > 0.005
    assert np.array_equal(changed, textured(name)[1])


def test_no_two_textures_are_alike() -> None:
    pictures = [textured(name)[1].clip(0, 1) for name in TEXTURES]
    for number, one in enumerate(pictures):
        for other in pictures[number + 1 :]:
            assert np.abs(one - other).mean() > 0.02


def test_every_texture_of_a_look_can_be_laid() -> None:
    assert set(get_args(looks.Texture)) == {*TEXTURES, "none"}


def test_noise_is_smooth() -> None:
    fine, coarse = (smooth_noise(np.random.default_rng(0), grain_px) for grain_px in (2, 20))
    assert fine.shape == coarse.shape == (128, 128)
    assert np.abs(np.diff(coarse, axis=0)).mean() < 0.3 * np.abs(np.diff(fine, axis=0)).mean()
