"""Pictures to tokens, once, for the two generators."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from prefect import task
from prefect.cache_policies import NO_CACHE
from torch import Tensor

from data.corpus.arrays import read_arrays
from data.corpus.draws import read_draws
from data.documents.pretrain_spec import PretrainSpec
from data.records.pretraining import Made, StageRecord
from styledrop.pretraining.generator import TokenizedPictures, tokenize_images
from styledrop.pretraining.start import code_mixing
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import KEPT, read_drawn, scaled_down
from tasks.pretraining.stage_folder import run_stage
from tasks.pretraining.start import base_to_start_from, digest_to_start_from

_MIXED_BY = 20_000
"""Trained pictures in which old and new codes are compared."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def tokenize_draws(spec: PretrainSpec, made: Made) -> StageRecord:
    """Encode all drawn pictures; with a base to go on from, find how its codes make up the new ones."""

    def make() -> dict[str, np.ndarray]:
        draws, encoder, start = made["draws"], _encoder(made), base_to_start_from(spec)
        arrays = {name: tokenize_images(encoder, read_drawn(draws, name).images).numpy() for name in ("trained", *KEPT)}
        if start is not None:
            theirs, images = start.vqgan.to(memory_format=torch.channels_last), read_drawn(draws, "trained").images
            new = torch.from_numpy(arrays["trained"][:_MIXED_BY])
            old = new if _are_equal(theirs, encoder) else tokenize_images(theirs, images[:_MIXED_BY])
            with torch.no_grad():
                mixing = code_mixing(old.flatten(), new.flatten(), theirs.codebook, encoder.codebook)
            arrays["mixing"] = mixing.numpy().astype(np.float16)
        return arrays

    inputs = {"draws": made["draws"], "vqgan": made["vqgan"], **digest_to_start_from(spec)}
    return run_stage(spec, "tokens", settings={}, inputs=inputs, make=make, write=_write)


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def tokenize_large(spec: PretrainSpec, made: Made) -> StageRecord:
    """Encode the pictures at twice the base's size, and the same scaled down to it (`small`)."""

    def make() -> dict[str, np.ndarray]:
        encoder, images = _encoder(made), read_drawn(made["large"], "trained").images
        return {
            "trained": tokenize_images(encoder, images, batch_size=32).numpy(),
            "small": tokenize_images(encoder, scaled_down(images)).numpy(),
        }

    inputs = {"large": made["large"], "vqgan": made["vqgan"]}
    return run_stage(spec, "large_tokens", settings={}, inputs=inputs, make=make, write=_write)


def read_tokenized(corpus: Path, draws: Path, tokens: Path, name: str) -> TokenizedPictures:
    """Drawn pictures as a generator is trained on them, from the folders of these three stages' results."""
    captions, drawn = read_arrays(corpus).caption, read_draws(draws / name)
    return TokenizedPictures(
        tokens=read_tokens(tokens, name), captions=[captions[row] for row in drawn.rows], phrases=drawn.phrases
    )


def read_tokens(tokens: Path, name: str) -> Tensor:
    """One of the arrays of tokens in the folder `tokens`, int16 (pictures, tokens)."""
    return torch.from_numpy(np.load(tokens / f"{name}.npy", allow_pickle=False))


def read_mixing(tokens: StageRecord) -> Float[Tensor, "new old"]:
    """How the codes of the base gone on from make up the new ones, as `tokenize_draws` found."""
    return read_tokens(tokens.path, "mixing").float()


def _encoder(made: Made) -> VQGAN:
    return VQGAN.from_folder(made["vqgan"].path).to(memory_format=torch.channels_last)


def _write(arrays: dict[str, np.ndarray], folder: Path) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _are_equal(one: VQGAN, other: VQGAN) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return all(name in theirs and torch.equal(value, theirs[name]) for name, value in ours.items())
