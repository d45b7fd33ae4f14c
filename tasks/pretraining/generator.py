"""Images to tokens, once, and the generator on them."""

import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.corpus import Corpus, style_phrases
from data.corpus.arrays import read_arrays
from data.corpus.sampling import weights_by_coverage
from data.documents import defaults
from data.documents.pretrain_spec import PretrainSpec
from data.pictures.contact_sheet import Row, comparison_sheet
from data.records.pretraining import StageRecord
from styledrop.generator import Generator, GeneratorConfig
from styledrop.pretraining.generator import GeneratorTraining, tokenize_images, train_generator
from styledrop.pretraining.processes import train_in_processes
from styledrop.pretraining.start import code_mixing
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.start import base_to_start_from, read_mixing
from tasks.pretraining.text import open_text
from tasks.reporting import Progress


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def tokenize_corpus(spec: PretrainSpec, corpus: StageRecord, vqgan: StageRecord) -> StageRecord:
    """Encode all images of the corpus; with a base to go on from, find how its codes make up the new ones."""
    folder, start = spec.stage_folder("tokens"), base_to_start_from(spec)
    inputs = {"corpus": corpus.sha256, "vqgan": vqgan.sha256}
    if start is not None:
        inputs["start_from"] = start.sha256
    finished = open_stage(folder, {"inputs": inputs})
    if finished is not None:
        return finished
    started = time.monotonic()
    encoder = VQGAN.from_folder(Path(vqgan.folder)).to(memory_format=torch.channels_last)
    images = read_arrays(Path(corpus.folder)).images
    tokens = tokenize_images(encoder, images)
    arrays = {"tokens": tokens.numpy()}
    if start is not None:
        theirs = start.vqgan.to(memory_format=torch.channels_last)
        old = tokens if _are_equal(theirs, encoder) else tokenize_images(theirs, images)
        with torch.no_grad():
            mixing = code_mixing(old.flatten(), tokens.flatten(), start.vqgan.codebook, encoder.codebook)
        arrays["mixing"] = mixing.numpy().astype(np.float16)

    def write(result: Path) -> None:
        for name, array in arrays.items():
            np.save(result / f"{name}.npy", array, allow_pickle=False)

    return finish_stage(folder, write, seconds=time.monotonic() - started)


def _are_equal(one: VQGAN, other: VQGAN) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return all(name in theirs and torch.equal(value, theirs[name]) for name, value in ours.items())


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def fit_generator(
    spec: PretrainSpec, corpus: StageRecord, tokens: StageRecord, vqgan: StageRecord, text: StageRecord
) -> StageRecord:
    """Train G on the training split, concepts that many styles show more often."""
    folder, wanted = spec.stage_folder("generator"), spec.generator
    settings = {
        "generator": wanted,
        "seed": spec.seed,
        "inputs": {"corpus": corpus.sha256, "tokens": tokens.sha256, "text": text.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    generator = train_in_processes(spec.processes, _train, spec, corpus, tokens, text)
    _draw(spec, generator, VQGAN.from_folder(Path(vqgan.folder)), open_text(text)).save(folder / "pictures.png")
    return finish_stage(folder, lambda result: generator.to_folder(result, torch.float16))


def _train(spec: PretrainSpec, corpus: StageRecord, tokens: StageRecord, text: StageRecord) -> Generator:
    folder, wanted = spec.stage_folder("generator"), spec.generator
    shown, start = read_arrays(Path(corpus.folder)), base_to_start_from(spec)
    with Progress("generator", wanted.schedule.num_steps) as progress:
        return train_generator(
            torch.from_numpy(np.load(Path(tokens.folder) / "tokens.npy")),
            shown.caption,
            shown.style.tolist(),
            sampling_weights(spec, shown),
            style_phrases(),
            open_text(text),
            spec.size_px,
            _training(spec),
            folder,
            start=None if start is None else (start.generator, read_mixing(tokens)),
            seed=spec.seed,
            report=report_to(progress),
        )


def sampling_weights(spec: PretrainSpec, shown: Corpus) -> np.ndarray:
    """How often each image is drawn: none of those kept, and more of the concepts that many styles show."""
    wanted = spec.generator
    return weights_by_coverage(
        shown.coverage,
        shown.style,
        shown.split == "train",
        coverage_weights=wanted.coverage_weights,
        rare_weight=wanted.rare_weight,
        variant_weight=wanted.variant_weight,
    )


def _training(spec: PretrainSpec) -> GeneratorTraining:
    wanted = spec.generator
    return GeneratorTraining(
        model=GeneratorConfig(
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
            micro_cond_encode_dim=wanted.micro_cond_encode_dim,
            micro_cond_embed_dim=5 * wanted.micro_cond_encode_dim,
            codebook_size=spec.vqgan.num_codes,
            vocab_size=spec.vqgan.num_codes + 1,
            sample_size=spec.size_px // spec.vqgan.downsampling,
        ),
        schedule=schedule_of(wanted.schedule),
        text_dropout=wanted.text_dropout,
        caption_only=wanted.caption_only,
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
        config=styledrop.SamplingConfig(steps=wanted.sampling_steps, token_temperature=defaults.TOKEN_TEMPERATURE),
    )
    columns = len(wanted.contents)
    return comparison_sheet(
        wanted.contents,
        [Row(label=style, images=images[i * columns : (i + 1) * columns]) for i, style in enumerate(wanted.styles)],
    )
