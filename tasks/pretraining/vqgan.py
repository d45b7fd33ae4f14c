"""The VQGAN."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus import Corpus
from data.corpus.arrays import read_arrays
from data.corpus.sampling import weights_by_colour
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.pictures import reconstruct
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.vqgan import VQGANTraining, train_vqgan
from styledrop.scoring import ClipScorer
from styledrop.vqgan import VQGAN, VQGANConfig
from tasks.pretraining.large import read_large
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.start import base_to_start_from
from tasks.reporting import Progress

PICTURES = 16
"""Images shown with their reconstruction: the first kept one of as many styles."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_vqgan(spec: PretrainSpec, corpus: StageRecord, large: StageRecord, clip: StageRecord) -> StageRecord:
    """Train E, D and the codebook on the training split, colourful styles more often, and on parts of large images.

    How alike two images look, the image tower of `clip` tells. Steps are counted from where the base stood that is
    gone on from: all of them are sharpened.
    """
    folder, wanted = spec.stage_folder("vqgan"), spec.vqgan
    inputs = {"corpus": corpus.sha256, "large": large.sha256, "clip": clip.sha256}
    start = base_to_start_from(spec)
    if start is not None:
        inputs["start_from"] = start.sha256
    settings = {"vqgan": wanted, "seed": spec.seed, "inputs": inputs}
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    vqgan = train_in_processes(spec.processes, _train, spec, corpus, large, clip)
    _draw(vqgan, read_arrays(Path(corpus.folder))).save(folder / "pictures.png")
    # In half precision, as it ships: the tokens of later stages come from the weights that a user gets.
    return finish_stage(folder, lambda result: vqgan.to_folder(result, torch.float16))


def _train(spec: PretrainSpec, corpus: StageRecord, large: StageRecord, clip: StageRecord) -> VQGAN:
    folder, wanted = spec.stage_folder("vqgan"), spec.vqgan
    shown = read_arrays(Path(corpus.folder))
    weights = weights_by_colour(
        shown.images,
        shown.style,
        shown.split == "train",
        variant_weight=wanted.variant_weight,
        colour_weight=wanted.colour_weight,
        colourful_above=wanted.colourful_above,
    )
    _, parts = read_large(large)
    share, start = wanted.share_of_parts, base_to_start_from(spec)
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
        continuous_steps=wanted.continuous_steps if start is None else 0,
        recolour_rate=wanted.recolour_rate,
        codebook_decay=wanted.codebook_decay,
        sharpened_from=wanted.sharpened_from if start is None else 0,
    )
    with Progress("VQGAN", wanted.schedule.num_steps) as progress:
        return train_vqgan(
            np.concatenate([shown.images, parts]),
            np.concatenate([(1 - share) * weights / weights.sum(), np.full(len(parts), share / len(parts))]),
            PerceptualDistance(ClipScorer(Path(clip.folder)).image_tower),
            training,
            folder,
            start=None if start is None else start.vqgan.float(),
            seed=spec.seed,
            report=report_to(progress),
        )


def _draw(vqgan: VQGAN, corpus: Corpus) -> Image.Image:
    first = {style: row for row, style in reversed(list(enumerate(corpus.style))) if corpus.split[row] == "kept"}
    rows = sorted(first.values())[:PICTURES] or list(range(min(PICTURES, len(corpus))))
    originals = np.asarray(corpus.images[rows])
    return comparison_sheet(
        [str(corpus.style[row]) for row in rows],
        [
            Row(label=label, images=[Image.fromarray(image) for image in images])
            for label, images in (("original", originals), ("decoded", reconstruct(vqgan, originals)))
        ],
    )
