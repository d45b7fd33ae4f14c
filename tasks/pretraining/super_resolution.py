"""Images at twice the size to tokens, and super-resolution on them."""

import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.corpus import style_phrases
from data.corpus.arrays import read_arrays
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.enlarge import enlarge
from styledrop.generator import GeneratorConfig
from styledrop.pretraining.generator import tokenize_images
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.super_resolution import SuperResolutionTraining, train_super_resolution
from styledrop.super_resolution import SCALE, SuperResolution, SuperResolutionConfig
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.large import large_images, read_large
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.start import base_to_start_from, read_mixing
from tasks.pretraining.text import open_text
from tasks.reporting import Progress


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def tokenize_large(spec: PretrainSpec, large: StageRecord, vqgan: StageRecord) -> StageRecord:
    """Encode the drawn images at twice the base's size."""
    folder = spec.stage_folder("large_tokens")
    finished = open_stage(folder, {"inputs": {"large": large.sha256, "vqgan": vqgan.sha256}})
    if finished is not None:
        return finished
    started = time.monotonic()
    encoder = VQGAN.from_folder(Path(vqgan.folder)).to(memory_format=torch.channels_last)
    tokens = tokenize_images(encoder, large_images(spec, read_large(large)[0]), batch_size=32).numpy()
    return finish_stage(
        folder,
        lambda result: np.save(result / "tokens.npy", tokens, allow_pickle=False),
        seconds=time.monotonic() - started,
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
    """Train the second generator, and draw kept images with it."""
    folder, wanted = spec.stage_folder("super_resolution"), spec.super_resolution
    settings = {
        "super_resolution": wanted,
        "seed": spec.seed,
        "inputs": {"tokens": tokens.sha256, "large_tokens": large_tokens.sha256, "text": text.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    module = train_in_processes(spec.processes, _train, spec, corpus, tokens, large, large_tokens, vqgan, text)
    decoder = VQGAN.from_folder(Path(vqgan.folder))
    _draw(spec, corpus, tokens, module, decoder, open_text(text)).save(folder / "pictures.png")
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
    wanted, shown = spec.super_resolution, read_arrays(Path(corpus.folder))
    rows, _ = read_large(large)
    start = base_to_start_from(spec)
    training = SuperResolutionTraining(model=_config(spec), schedule=schedule_of(wanted.schedule))
    with Progress("super-resolution", wanted.schedule.num_steps) as progress:
        return train_super_resolution(
            torch.from_numpy(np.load(Path(tokens.folder) / "tokens.npy")[rows]),
            torch.from_numpy(np.load(Path(large_tokens.folder) / "tokens.npy")),
            [shown.caption[row] for row in rows],
            shown.style[rows].tolist(),
            style_phrases(),
            open_text(text),
            VQGAN.from_folder(Path(vqgan.folder)).to(memory_format=torch.channels_last),
            SCALE * spec.size_px,
            training,
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
    tokens: StageRecord,
    module: SuperResolution,
    vqgan: VQGAN,
    text: TextEncoder,
) -> Image.Image:
    """A kept image of each of the spec's styles: as the VQGAN gives it at the base's size, enlarged, and real."""
    shown, phrases = read_arrays(Path(corpus.folder)), style_phrases()
    kept = {shown.style[row]: row for row in np.nonzero(shown.split == "kept")[0]}
    styles = [style for style in spec.pictures.styles if style in kept] or sorted(kept)[:1]
    rows = np.array([kept[style] for style in styles])
    if not len(rows):
        return Image.new("RGB", (1, 1))
    low = torch.from_numpy(np.load(Path(tokens.folder) / "tokens.npy")[rows]).long()
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
    prompts = [f"{shown.caption[kept[style]]} in {phrases[style][0]} style" for style in styles]
    large = SCALE * spec.size_px
    return comparison_sheet(
        styles,
        [
            Row(label="scaled up", images=[image.resize((large, large)) for image in base.render(low)]),
            Row(label="enlarged", images=enlarge(base, low, prompts, seeds=list(range(len(prompts))))),
            Row(label="real", images=[Image.fromarray(image) for image in large_images(spec, rows)]),
        ],
        cell_px=large,
    )
