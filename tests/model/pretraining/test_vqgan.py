import json
from pathlib import Path

import numpy as np
import pytest
import torch

from styledrop.config.pretraining import Schedule, VQGANTraining
from styledrop.pretraining.stage import StageRun
from styledrop.pretraining.vqgan import reconstruct, reconstruction_psnr, train_vqgan, vqgan_config
from styledrop.vqgan import VQGAN
from tests.model.conftest import with_steps

TRAINING = VQGANTraining(
    schedule=Schedule(num_steps=4, learning_rate=3e-3, batch_size=4, warmup_steps=1, muon_rate=3e-3),
    block_out_channels=(8, 8, 8),
    latent_channels=4,
    num_codes=16,
    norm_num_groups=4,
    continuous_steps=2,
)


def squares(count: int = 4) -> np.ndarray:
    images = np.full((count, 16, 16, 3), 255, dtype=np.uint8)
    for i in range(count):
        images[i, 4:12, 4:12] = np.random.default_rng(i).integers(256, size=3)
    return images


def trained(folder: Path, training: VQGANTraining = TRAINING) -> VQGAN:
    return train_vqgan(squares(), {"kept": squares(6)[4:]}, training, StageRun(folder=folder))


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(tmp_path / "stopped", with_steps(TRAINING, 3))  # the codebook is in
    resumed = trained(tmp_path / "stopped").state_dict()
    whole = trained(tmp_path / "whole").state_dict()
    assert set(resumed) == set(whole) == set(VQGAN(vqgan_config(TRAINING, 16)).state_dict())
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_the_loss_falls_on_one_batch(tmp_path: Path) -> None:
    trained(tmp_path, with_steps(TRAINING, 2))
    trained(tmp_path, with_steps(TRAINING, 60))
    first, last = (json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()[::2])
    assert last["loss"] < 0.6 * first["loss"]
    assert last["psnr"] > first["psnr"] + 3


def test_the_result_encodes_and_decodes_in_the_range_of_its_codebook_and_of_pixels(tmp_path: Path) -> None:
    vqgan = trained(tmp_path)
    pixels = torch.from_numpy(squares().astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        tokens = vqgan.encode(pixels)
        decoded = vqgan.decode(tokens)
    assert tokens.shape == (4, 16)
    assert 0 <= int(tokens.min()) <= int(tokens.max()) < 16
    assert decoded.shape == pixels.shape
    assert 0.0 <= float(decoded.min()) <= float(decoded.max()) <= 1.0


def test_the_curve_has_the_psnr_of_kept_images_from_their_tokens(tmp_path: Path) -> None:
    vqgan = trained(tmp_path)
    [line] = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert json.loads(line)["psnr_kept"] == pytest.approx(reconstruction_psnr(vqgan, squares(6)[4:]), abs=1e-3)


def test_the_psnr_is_that_of_the_mean_squared_error_whatever_the_batch(tmp_path: Path) -> None:
    vqgan, images = trained(tmp_path), squares()
    decoded = reconstruct(vqgan, images).astype(float)
    expected = -10 * np.log10(np.square((decoded - images) / 255).mean())
    assert reconstruction_psnr(vqgan, images) == pytest.approx(expected, abs=0.1)
    assert reconstruction_psnr(vqgan, images, batch_size=3) == pytest.approx(reconstruction_psnr(vqgan, images))


def test_a_warm_start_keeps_encoder_and_decoder_and_finds_new_codes(tmp_path: Path) -> None:
    start = trained(tmp_path / "first")
    training = with_steps(TRAINING, 0).model_copy(update={"num_codes": 9})
    went_on = train_vqgan(squares(), {}, training, StageRun(folder=tmp_path / "second"), start=start)
    assert went_on.codebook.shape == (9, 4)
    for name, value in start.state_dict().items():
        if "embedding" not in name:
            assert torch.equal(went_on.state_dict()[name], value), name
