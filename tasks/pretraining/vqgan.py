"""The VQGAN: encoder, codebook and decoder by distances in pixels, then the decoder alone for sharp pictures."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.draws import Draws
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.pretraining.decoder import DecoderTraining, train_decoder
from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.pictures import reconstruct
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.vqgan import VQGANTraining, train_vqgan
from styledrop.scoring import ClipScorer
from styledrop.vqgan import VQGAN, VQGANConfig
from tasks.pretraining.draws import KEPT, read_drawn
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.start import base_to_start_from
from tasks.reporting import Progress

PICTURES = 16
"""Pictures in kept looks shown with their reconstruction."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_vqgan(spec: PretrainSpec, draws: StageRecord) -> StageRecord:
    """Train E, D and the codebook on the drawn pictures; its PSNR on kept ones stands in the curve."""
    folder = spec.stage_folder("vqgan")
    inputs = {"draws": draws.sha256}
    start = base_to_start_from(spec)
    if start is not None:
        inputs["start_from"] = start.sha256
    settings = {"vqgan": spec.vqgan, "seed": spec.seed, "inputs": inputs}
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    vqgan = train_in_processes(spec.processes, _train, spec, draws)
    _draw(vqgan, read_drawn(draws, "kept_looks")).save(folder / "pictures.png")
    # In half precision, as it ships: the tokens of later stages come from the weights that a user gets.
    return finish_stage(folder, lambda result: vqgan.to_folder(result, torch.float16))


def _train(spec: PretrainSpec, draws: StageRecord) -> VQGAN:
    wanted, start = spec.vqgan, base_to_start_from(spec)
    training = VQGANTraining(
        model=VQGANConfig(
            block_out_channels=wanted.block_out_channels,
            layers_per_block=wanted.layers_per_block,
            latent_channels=wanted.latent_channels,
            num_vq_embeddings=wanted.num_codes,
            norm_num_groups=wanted.norm_num_groups,
            sample_size=spec.size_px // wanted.downsampling,
        ),
        schedule=schedule_of(wanted.schedule),
        code_parts=wanted.code_parts,
        continuous_steps=wanted.continuous_steps,
        codebook_decay=wanted.codebook_decay,
    )
    with Progress("VQGAN", wanted.schedule.num_steps) as progress:
        return train_vqgan(
            read_drawn(draws, "trained").images,
            {name: read_drawn(draws, name).images for name in KEPT},
            training,
            spec.stage_folder("vqgan"),
            start=None if start is None else start.vqgan.float(),
            seed=spec.seed,
            report=report_to(progress),
        )


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_decoder(spec: PretrainSpec, draws: StageRecord, vqgan: StageRecord, clip: StageRecord) -> StageRecord:
    """Train D alone on the drawn pictures; the image tower of `clip` gives the perceptual distance."""
    folder = spec.stage_folder("decoder")
    inputs = {"draws": draws.sha256, "vqgan": vqgan.sha256, "clip": clip.sha256}
    finished = open_stage(folder, {"decoder": spec.decoder, "seed": spec.seed, "inputs": inputs})
    if finished is not None:
        return finished
    trained = train_in_processes(spec.processes, _train_decoder, spec, draws, vqgan, clip)
    _draw(trained, read_drawn(draws, "kept_looks")).save(folder / "pictures.png")
    return finish_stage(folder, lambda result: trained.to_folder(result, torch.float16))


def _train_decoder(spec: PretrainSpec, draws: StageRecord, vqgan: StageRecord, clip: StageRecord) -> VQGAN:
    with Progress("decoder", spec.decoder.schedule.num_steps) as progress:
        return train_decoder(
            VQGAN.from_folder(Path(vqgan.folder)),
            read_drawn(draws, "trained").images,
            {name: read_drawn(draws, name).images for name in KEPT},
            PerceptualDistance(ClipScorer(Path(clip.folder)).image_tower),
            DecoderTraining(schedule=schedule_of(spec.decoder.schedule)),
            spec.stage_folder("decoder"),
            seed=spec.seed,
            report=report_to(progress),
        )


def _draw(vqgan: VQGAN, drawn: Draws) -> Image.Image:
    originals = np.asarray(drawn.images[:PICTURES])
    return comparison_sheet(
        [""] * len(originals),
        [
            Row(label=label, images=[Image.fromarray(image) for image in images])
            for label, images in (("original", originals), ("decoded", reconstruct(vqgan, originals)))
        ],
    )
