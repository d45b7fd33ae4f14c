"""The generator, and super-resolution, the second one."""

from pathlib import Path

import numpy as np
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
from styledrop.enlarge import enlarge
from styledrop.generator import Generator
from styledrop.pretraining.generator import generator_config, train_generator, train_super_resolution
from styledrop.pretraining.stage import StageRun
from styledrop.super_resolution import SCALE, SuperResolution, SuperResolutionConfig
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import KEPT, read_drawn, scaled_down
from tasks.pretraining.start import base_to_start_from
from tasks.pretraining.text import open_text
from tasks.pretraining.tokens import read_mixing, read_tokenized, read_tokens
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


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_super_resolution(
    spec: PretrainSpec,
    corpus: StageRecord,
    tokens: StageRecord,
    large: StageRecord,
    large_tokens: StageRecord,
    vqgan: StageRecord,
    text: StageRecord,
) -> StageRecord:
    """Train the second generator on the large pictures, and enlarge some of kept icons with it."""
    inputs = {"large": large, "large_tokens": large_tokens, "vqgan": vqgan, "text": text}
    if spec.start_from:
        inputs["tokens"] = tokens  # for how the codes of the base gone on from make up the new ones
    return run_training(
        spec,
        "super_resolution",
        _train_super_resolution,
        corpus,
        tokens,
        large,
        large_tokens,
        vqgan,
        text,
        inputs=inputs,
        write=lambda module, result: module.to_folder(result, torch.float16),
        picture=lambda module: _draw_enlarged(
            spec, corpus, large, module, VQGAN.from_folder(Path(vqgan.folder)), open_text(text)
        ),
    )


def _train_super_resolution(
    spec: PretrainSpec,
    run: StageRun,
    corpus: StageRecord,
    tokens: StageRecord,
    large: StageRecord,
    large_tokens: StageRecord,
    vqgan: StageRecord,
    text: StageRecord,
) -> SuperResolution:
    captions, start = read_arrays(Path(corpus.folder)).caption, base_to_start_from(spec)
    wanted, size_px = spec.super_resolution, SCALE * spec.size_px
    config = SuperResolutionConfig(
        generator=generator_config(wanted, spec.text, spec.vqgan, size_px),
        latent_channels=spec.vqgan.latent_channels,
        encoder_layers=wanted.encoder_layers,
        encoder_heads=wanted.num_attention_heads,
    )
    started = start.super_resolution if start is not None else None
    return train_super_resolution(
        read_tokens(large_tokens, "small"),
        read_tokenized(large, large_tokens, "trained", captions),
        open_text(text),
        VQGAN.from_folder(Path(vqgan.folder)).to(memory_format=torch.channels_last),
        size_px,
        config,
        wanted,
        run,
        start=(started, read_mixing(tokens)) if started is not None else None,
    )


def _draw_enlarged(
    spec: PretrainSpec,
    corpus: StageRecord,
    large: StageRecord,
    module: SuperResolution,
    vqgan: VQGAN,
    text: TextEncoder,
) -> Image.Image:
    """Pictures of kept icons: as the VQGAN gives them at the base's size, enlarged, and as they were drawn."""
    captions, drawn = read_arrays(Path(corpus.folder)).caption, read_drawn(large, "kept")
    base = styledrop.Base(
        name=spec.name,
        folder=spec.stage_folder("super_resolution"),
        sha256="",
        text=text,
        vqgan=vqgan,
        generator=module.generator,  # the small images are there already
        clip_folder=None,
        size_px=spec.size_px,
        card={},
        super_resolution=module,
    )
    low = base.tokenize([Image.fromarray(image) for image in scaled_down(drawn.images)])
    prompts = [f"{captions[row]} in {phrase} style" for row, phrase in zip(drawn.rows, drawn.phrases, strict=True)]
    size_px = SCALE * spec.size_px
    return comparison_sheet(
        [captions[row] for row in drawn.rows],
        [
            Row(label="scaled up", images=[image.resize((size_px, size_px)) for image in base.render(low)]),
            Row(label="enlarged", images=enlarge(base, low, prompts, seeds=list(range(len(prompts))))),
            Row(label="real", images=[Image.fromarray(np.asarray(image)) for image in drawn.images]),
        ],
        cell_px=size_px,
    )
