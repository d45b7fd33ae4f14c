import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from open_clip.modified_resnet import ModifiedResNet

from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.stage import Schedule
from styledrop.pretraining.vqgan import VQGANTraining, _replaced, _update_codebook, train_vqgan
from styledrop.vqgan import VQGAN, VQGANConfig

MODEL = VQGANConfig(
    block_out_channels=(8, 8, 8), layers_per_block=1, latent_channels=4, num_vq_embeddings=16, norm_num_groups=4
)
TRAINING = VQGANTraining(
    model=MODEL,
    schedule=Schedule(num_steps=4, learning_rate=3e-3, batch_size=4, warmup_steps=1, muon_rate=3e-3),
    continuous_steps=2,
    recolour_rate=0.0,
    sharpened_from=3,
    discriminator_widths=(8, 8),
)


def tower_distance() -> PerceptualDistance:
    torch.manual_seed(1)
    return PerceptualDistance(ModifiedResNet(layers=[1, 1, 1, 1], output_dim=8, heads=4, image_size=32, width=8))


def squares(count: int = 4) -> np.ndarray:
    images = np.full((count, 16, 16, 3), 255, dtype=np.uint8)
    for i in range(count):
        images[i, 4:12, 4:12] = np.random.default_rng(i).integers(256, size=3)
    return images


def trained(folder: Path, training: VQGANTraining = TRAINING) -> VQGAN:
    return train_vqgan(squares(), np.ones(4), tower_distance(), training, folder)


def steps(training: VQGANTraining, num_steps: int) -> VQGANTraining:
    return replace(training, schedule=replace(training.schedule, num_steps=num_steps))


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(tmp_path / "stopped", steps(TRAINING, 3))  # the codebook is in; the next step is sharpened
    resumed = trained(tmp_path / "stopped").state_dict()
    whole = trained(tmp_path / "whole").state_dict()
    assert set(resumed) == set(whole) == set(VQGAN(MODEL).state_dict())
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_the_loss_falls_on_one_batch(tmp_path: Path) -> None:
    trained(tmp_path, steps(TRAINING, 2))
    trained(tmp_path, replace(steps(TRAINING, 60), sharpened_from=60))
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


def with_codebook() -> VQGAN:
    torch.manual_seed(0)
    vqgan = VQGAN(MODEL)
    vqgan.codebook.requires_grad_(False)
    vqgan.register_buffer("code_usage", torch.ones(16))
    vqgan.register_buffer("code_sum", vqgan.codebook.data.clone())
    return vqgan


def test_a_code_that_nobody_uses_restarts_at_a_latent_of_the_batch() -> None:
    vqgan = with_codebook()
    vqgan.get_buffer("code_usage")[5] = 0.01
    before = vqgan.codebook.clone()
    latents = torch.full((6, 4), 9.0) + torch.arange(6.0)[:, None]
    tokens = torch.zeros(6, dtype=torch.long)
    long = steps(TRAINING, 1000)

    _update_codebook(vqgan, latents, tokens, long, 1, np.random.default_rng(0))  # no step for restarts
    assert torch.allclose(vqgan.codebook[5], before[5] / 0.01, rtol=1e-4)  # its sum was left at one use

    _update_codebook(vqgan, latents, tokens, long, 50, np.random.default_rng(0))
    assert any(torch.equal(vqgan.codebook[5], latent) for latent in latents)
    assert float(vqgan.get_buffer("code_usage")[5]) == 1.0
    # A code in use is no restart: it moves towards the mean of its latents, and the others keep their place.
    mean = latents.mean(dim=0)
    assert torch.dist(vqgan.codebook[0], mean) < torch.dist(before[0], mean)
    assert torch.allclose(vqgan.codebook[1], before[1], rtol=1e-4)


def test_no_code_restarts_in_the_last_fifth_of_a_run() -> None:
    vqgan = with_codebook()
    vqgan.get_buffer("code_usage")[5] = 0.01
    _update_codebook(
        vqgan, torch.full((6, 4), 9.0), torch.zeros(6, dtype=torch.long), steps(TRAINING, 60), 50,
        np.random.default_rng(0),
    )  # fmt: skip
    assert float(vqgan.get_buffer("code_usage")[5]) < 0.02


def test_sharpened_the_image_comes_to_look_like_the_icon(tmp_path: Path) -> None:
    training = replace(TRAINING, sharpened_from=2)
    for num_steps in (50, 250):
        trained(tmp_path, steps(training, num_steps))
    first, *_, last = (json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines())
    assert last["perceptual"] < 0.8 * first["perceptual"]


def test_a_replaced_token_becomes_a_near_one() -> None:
    codebook = torch.arange(16.0)[:, None]
    tokens = torch.full((200, 16), 8)
    training = replace(TRAINING, near_codes=2, replaced_share=1.0)
    replaced = _replaced(codebook, tokens, training, np.random.default_rng(0))
    assert set(replaced.unique().tolist()) == {7, 8, 9}
    of_each = (replaced != tokens).float().mean(dim=1)
    assert float(of_each.min()) < 0.2 < 0.8 < float(of_each.max())
