import json
from pathlib import Path

import numpy as np
import torch
from open_clip.modified_resnet import ModifiedResNet

from styledrop.config.pretraining import DecoderTraining, Schedule
from styledrop.pretraining.decoder import replace_some, train_decoder
from styledrop.pretraining.generator import tokenize_images
from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.stage import StageRun
from styledrop.vqgan import VQGAN, VQGANConfig
from tests.model.conftest import with_steps
from tests.model.pretraining.test_vqgan import squares

MODEL = VQGANConfig(
    block_out_channels=(8, 8, 8), layers_per_block=1, latent_channels=4, num_vq_embeddings=16, norm_num_groups=4
)
TRAINING = DecoderTraining(
    schedule=Schedule(num_steps=4, learning_rate=3e-3, batch_size=4, warmup_steps=1, muon_rate=3e-3),
    discriminator_widths=(8, 8),
)


def vqgan() -> VQGAN:
    torch.manual_seed(0)
    return VQGAN(MODEL)


def tower_distance() -> PerceptualDistance:
    torch.manual_seed(1)
    return PerceptualDistance(ModifiedResNet(layers=[1, 1, 1, 1], output_dim=8, heads=4, image_size=32, width=8))


def trained(folder: Path, num_steps: int = 4) -> VQGAN:
    tokens = tokenize_images(vqgan(), squares())
    training = with_steps(TRAINING, num_steps)
    run = StageRun(folder=folder)
    return train_decoder(vqgan(), squares(), tokens, {"kept": squares()}, tower_distance(), training, run)


def test_encoder_and_codebook_stay_as_they_are(tmp_path: Path) -> None:
    before, after = vqgan().state_dict(), trained(tmp_path).state_dict()
    assert set(before) == set(after)
    for name, value in before.items():
        is_decoder = name.startswith(("decoder.", "post_quant_conv."))
        assert torch.equal(value, after[name]) is not is_decoder, name


def test_going_on_from_a_checkpoint_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(tmp_path / "stopped", 2)
    resumed, whole = trained(tmp_path / "stopped").state_dict(), trained(tmp_path / "whole").state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())


def test_decoded_images_come_to_look_like_the_real_ones(tmp_path: Path) -> None:
    for num_steps in (20, 60):
        trained(tmp_path, num_steps)
    first, *_, last = (json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines())
    assert last["perceptual"] < 0.8 * first["perceptual"]
    assert last["psnr_kept"] > first["psnr_kept"]


def test_a_replaced_token_becomes_a_near_one() -> None:
    codebook = torch.arange(16.0)[:, None]
    tokens = torch.full((200, 16), 8)
    training = TRAINING.model_copy(update={"near_codes": 2, "replaced_share": 1.0})
    replaced = replace_some(codebook, tokens, training, np.random.default_rng(0))
    assert set(replaced.unique().tolist()) == {7, 8, 9}
    of_each = (replaced != tokens).float().mean(dim=1)
    assert float(of_each.min()) < 0.2 < 0.8 < float(of_each.max())
