"""The VQGAN: encoder, codebook and decoder by distances in pixels, then the decoder alone for sharp pictures."""

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.corpus.draws import Draws
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import Made, StageRecord
from styledrop.pretraining.decoder import train_decoder
from styledrop.pretraining.perceptual import PerceptualDistance
from styledrop.pretraining.stage import StageRun
from styledrop.pretraining.vqgan import reconstruct, train_vqgan
from styledrop.scoring import ClipScorer
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import KEPT, read_drawn
from tasks.pretraining.start import base_to_start_from, digest_to_start_from
from tasks.pretraining.tokens import read_tokens
from tasks.pretraining.training import run_training

PICTURES = 16
"""Pictures in kept looks shown with their reconstruction."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_vqgan(spec: PretrainSpec, made: Made) -> StageRecord:
    """Train E, D and the codebook on the drawn pictures; its PSNR on kept ones stands in the curve."""
    # In half precision, as it ships: the tokens of later stages come from the weights that a user gets.
    return run_training(
        spec,
        "vqgan",
        _train,
        made,
        inputs={"draws": made["draws"], **digest_to_start_from(spec)},
        write=lambda vqgan, result: vqgan.to_folder(result, torch.float16),
        picture=lambda vqgan: _draw(vqgan, read_drawn(made["draws"], "kept_looks")),
    )


def _train(spec: PretrainSpec, run: StageRun, made: Made) -> VQGAN:
    start = base_to_start_from(spec)
    return train_vqgan(
        read_drawn(made["draws"], "trained").images,
        {name: read_drawn(made["draws"], name).images for name in KEPT},
        spec.vqgan,
        run,
        start=None if start is None else start.vqgan.float(),
    )


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_decoder(spec: PretrainSpec, made: Made) -> StageRecord:
    """Train D alone on the drawn pictures; CLIP's image tower gives the perceptual distance."""
    return run_training(
        spec,
        "decoder",
        _train_decoder,
        made,
        inputs={name: made[name] for name in ("draws", "tokens", "vqgan", "clip")},
        write=lambda vqgan, result: vqgan.to_folder(result, torch.float16),
        picture=lambda vqgan: _draw(vqgan, read_drawn(made["draws"], "kept_looks")),
    )


def _train_decoder(spec: PretrainSpec, run: StageRun, made: Made) -> VQGAN:
    return train_decoder(
        VQGAN.from_folder(made["vqgan"].path),
        read_drawn(made["draws"], "trained").images,
        read_tokens(made["tokens"].path, "trained"),
        {name: read_drawn(made["draws"], name).images for name in KEPT},
        PerceptualDistance(ClipScorer(made["clip"].path).image_tower),
        spec.decoder,
        run,
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
