"""The generator, and super-resolution, the second one."""

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.corpus.arrays import read_arrays
from data.corpus.phrases import style_phrases
from data.documents import defaults
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import Made, StageRecord
from styledrop.enlarge import enlarge
from styledrop.generator import Generator
from styledrop.pretraining.generator import generator_config, train_generator, train_super_resolution
from styledrop.pretraining.stage import StageRun
from styledrop.super_resolution import SCALE, SuperResolution, SuperResolutionConfig
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import KEPT, read_drawn, scaled_down
from tasks.pretraining.start import base_to_start_from
from tasks.pretraining.text import open_text
from tasks.pretraining.tokens import read_mixing, read_tokenized, read_tokens
from tasks.pretraining.training import run_training


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_generator(spec: PretrainSpec, made: Made) -> StageRecord:
    """Train G on the drawn pictures; its cross entropy on kept ones stands in the curve."""
    return run_training(
        spec,
        "generator",
        _train,
        made,
        inputs={name: made[name] for name in ("draws", "tokens", "text")},
        write=lambda generator, result: generator.to_folder(result, torch.float16),
        picture=lambda generator: _draw(spec, made, generator),
    )


def _train(spec: PretrainSpec, run: StageRun, made: Made) -> Generator:
    start = base_to_start_from(spec)
    drawn = (made["corpus"].path, made["draws"].path, made["tokens"].path)
    return train_generator(
        read_tokenized(*drawn, "trained"),
        {name: read_tokenized(*drawn, name) for name in KEPT},
        open_text(made),
        spec.size_px,
        generator_config(spec.generator, spec.text, spec.vqgan, spec.size_px),
        spec.generator,
        run,
        start=None if start is None else (start.generator, read_mixing(made["tokens"])),
    )


def _draw(spec: PretrainSpec, made: Made, generator: Generator) -> Image.Image:
    base = styledrop.Base(
        name=spec.name,
        folder=spec.stage_folder("generator"),
        sha256="",
        text=open_text(made),
        vqgan=_sharpest(made),
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
def fit_super_resolution(spec: PretrainSpec, made: Made) -> StageRecord:
    """Train the second generator on the large pictures, and enlarge some of kept icons with it."""
    names = ["large", "large_tokens", "text"]
    if spec.start_from:
        names.append("tokens")  # for how the codes of the base gone on from make up the new ones
    return run_training(
        spec,
        "super_resolution",
        _train_super_resolution,
        made,
        inputs={**{name: made[name] for name in names}, "vqgan": made.get("decoder", made["vqgan"])},
        write=lambda module, result: module.to_folder(result, torch.float16),
        picture=lambda module: _draw_enlarged(spec, made, module),
    )


def _train_super_resolution(spec: PretrainSpec, run: StageRun, made: Made) -> SuperResolution:
    start = base_to_start_from(spec)
    wanted, size_px = spec.super_resolution, SCALE * spec.size_px
    config = SuperResolutionConfig(
        generator=generator_config(wanted, spec.text, spec.vqgan, size_px),
        latent_channels=spec.vqgan.latent_channels,
        encoder_layers=wanted.encoder_layers,
        encoder_heads=wanted.num_attention_heads,
    )
    started = start.super_resolution if start is not None else None
    return train_super_resolution(
        read_tokens(made["large_tokens"].path, "small"),
        read_tokenized(made["corpus"].path, made["large"].path, made["large_tokens"].path, "trained"),
        open_text(made),
        _sharpest(made).to(memory_format=torch.channels_last),
        size_px,
        config,
        wanted,
        run,
        start=(started, read_mixing(made["tokens"])) if started is not None else None,
    )


def _draw_enlarged(spec: PretrainSpec, made: Made, module: SuperResolution) -> Image.Image:
    """Pictures of kept icons: as the VQGAN gives them at the base's size, enlarged, and as they were drawn."""
    captions, drawn = read_arrays(made["corpus"].path).caption, read_drawn(made["large"], "kept")
    base = styledrop.Base(
        name=spec.name,
        folder=spec.stage_folder("super_resolution"),
        sha256="",
        text=open_text(made),
        vqgan=_sharpest(made),
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


def _sharpest(made: Made) -> VQGAN:
    """The VQGAN, with the decoder that was sharpened if one was."""
    return VQGAN.from_folder(made.get("decoder", made["vqgan"]).path)
