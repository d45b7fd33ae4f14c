"""Super-resolution, the second generator."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.enlarge import enlarge
from styledrop.generator import GeneratorConfig
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.super_resolution import SuperResolutionTraining, train_super_resolution
from styledrop.super_resolution import SCALE, SuperResolution, SuperResolutionConfig
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import read_drawn
from tasks.pretraining.large import scaled_down
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.start import base_to_start_from
from tasks.pretraining.text import open_text
from tasks.pretraining.tokens import read_mixing, read_tokenized, read_tokens
from tasks.reporting import Progress


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
    folder, wanted = spec.stage_folder("super_resolution"), spec.super_resolution
    inputs = {
        "large": large.sha256, "large_tokens": large_tokens.sha256, "vqgan": vqgan.sha256, "text": text.sha256,
    }  # fmt: skip
    if spec.start_from:
        inputs["tokens"] = tokens.sha256  # for how the codes of the base gone on from make up the new ones
    finished = open_stage(folder, {"super_resolution": wanted, "seed": spec.seed, "inputs": inputs})
    if finished is not None:
        return finished
    module = train_in_processes(spec.processes, _train, spec, corpus, tokens, large, large_tokens, vqgan, text)
    decoder = VQGAN.from_folder(Path(vqgan.folder))
    _draw(spec, corpus, large, module, decoder, open_text(text)).save(folder / "pictures.png")
    return finish_stage(folder, lambda result: module.to_folder(result, torch.float16))


def _train(
    spec: PretrainSpec,
    corpus: StageRecord,
    tokens: StageRecord,
    large: StageRecord,
    large_tokens: StageRecord,
    vqgan: StageRecord,
    text: StageRecord,
) -> SuperResolution:
    wanted, captions, start = spec.super_resolution, read_arrays(Path(corpus.folder)).caption, base_to_start_from(spec)
    with Progress("super-resolution", wanted.schedule.num_steps) as progress:
        return train_super_resolution(
            read_tokens(large_tokens, "small"),
            read_tokenized(large, large_tokens, "trained", captions),
            open_text(text),
            VQGAN.from_folder(Path(vqgan.folder)).to(memory_format=torch.channels_last),
            SCALE * spec.size_px,
            SuperResolutionTraining(model=_config(spec), schedule=schedule_of(wanted.schedule)),
            spec.stage_folder("super_resolution"),
            start=None
            if start is None or start.super_resolution is None
            else (start.super_resolution, read_mixing(tokens)),
            seed=spec.seed,
            report=report_to(progress),
        )


def _config(spec: PretrainSpec) -> SuperResolutionConfig:
    wanted, micro = spec.super_resolution, spec.generator.micro_cond_encode_dim
    return SuperResolutionConfig(
        generator=GeneratorConfig(
            hidden_size=wanted.hidden_size,
            num_hidden_layers=wanted.num_hidden_layers,
            num_attention_heads=wanted.num_attention_heads,
            intermediate_size=wanted.intermediate_size,
            in_channels=wanted.channels,
            block_out_channels=wanted.channels,
            block_num_heads=wanted.channel_heads,
            num_res_blocks=wanted.num_res_blocks,
            cond_embed_dim=spec.text.embed_dim,
            encoder_hidden_size=spec.text.width,
            micro_cond_encode_dim=micro,
            micro_cond_embed_dim=5 * micro,
            codebook_size=spec.vqgan.num_codes,
            vocab_size=spec.vqgan.num_codes + 1,
            sample_size=SCALE * spec.size_px // spec.vqgan.downsampling,
        ),
        latent_channels=spec.vqgan.latent_channels,
        encoder_layers=wanted.encoder_layers,
        encoder_heads=wanted.num_attention_heads,
    )


def _draw(
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
