"""The generator."""

from pathlib import Path

import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.corpus import style_phrases
from data.corpus.arrays import read_arrays
from data.documents import defaults
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.generator import Generator
from styledrop.pretraining.generator import generator_config, train_generator
from styledrop.pretraining.stage import StageRun
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import KEPT
from tasks.pretraining.start import base_to_start_from
from tasks.pretraining.text import open_text
from tasks.pretraining.tokens import read_mixing, read_tokenized
from tasks.pretraining.training import run_training


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_generator(
    spec: PretrainSpec,
    corpus: StageRecord,
    draws: StageRecord,
    tokens: StageRecord,
    vqgan: StageRecord,
    text: StageRecord,
) -> StageRecord:
    """Train G on the drawn pictures; its cross entropy on kept ones stands in the curve."""
    return run_training(
        spec,
        "generator",
        _train,
        corpus,
        draws,
        tokens,
        text,
        inputs={"draws": draws, "tokens": tokens, "text": text},
        write=lambda generator, result: generator.to_folder(result, torch.float16),
        picture=lambda generator: _draw(spec, generator, VQGAN.from_folder(Path(vqgan.folder)), open_text(text)),
    )


def _train(
    spec: PretrainSpec, run: StageRun, corpus: StageRecord, draws: StageRecord, tokens: StageRecord, text: StageRecord
) -> Generator:
    captions, start = read_arrays(Path(corpus.folder)).caption, base_to_start_from(spec)
    return train_generator(
        read_tokenized(draws, tokens, "trained", captions),
        {name: read_tokenized(draws, tokens, name, captions) for name in KEPT},
        open_text(text),
        spec.size_px,
        generator_config(spec.generator, spec.text, spec.vqgan, spec.size_px),
        spec.generator,
        run,
        start=None if start is None else (start.generator, read_mixing(tokens)),
    )


def _draw(spec: PretrainSpec, generator: Generator, vqgan: VQGAN, text: TextEncoder) -> Image.Image:
    base = styledrop.Base(
        name=spec.name,
        folder=spec.stage_folder("generator"),
        sha256="",
        text=text,
        vqgan=vqgan,
        generator=generator,
        clip_folder=None,
        size_px=spec.size_px,
        card={},
    )
    wanted, phrases = spec.pictures, style_phrases()
    prompts = [f"{content} in {phrases[style][0]} style" for style in wanted.styles for content in wanted.contents]
    images = styledrop.sample(
        base,
        prompts,
        seeds=list(range(len(prompts))),
        guidance=styledrop.Guidance(lambda_b=wanted.lambda_b),
        config=defaults.OF_EMBEDDED.sampling.model_copy(update={"steps": wanted.sampling_steps}),
    ).images
    columns = len(wanted.contents)
    return comparison_sheet(
        wanted.contents,
        [Row(label=style, images=images[i * columns : (i + 1) * columns]) for i, style in enumerate(wanted.styles)],
    )
