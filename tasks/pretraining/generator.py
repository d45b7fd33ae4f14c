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
from styledrop.generator import Generator, GeneratorConfig
from styledrop.pretraining.generator import GeneratorTraining, train_generator
from styledrop.pretraining.processes import train_in_processes
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.draws import KEPT
from tasks.pretraining.schedule import report_to, schedule_of
from tasks.pretraining.stage_folder import finish_stage, open_stage
from tasks.pretraining.start import base_to_start_from
from tasks.pretraining.text import open_text
from tasks.pretraining.tokens import read_mixing, read_tokenized
from tasks.reporting import Progress


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
    folder = spec.stage_folder("generator")
    settings = {
        "generator": spec.generator,
        "code_parts": spec.vqgan.code_parts,
        "seed": spec.seed,
        "inputs": {"draws": draws.sha256, "tokens": tokens.sha256, "text": text.sha256},
    }
    finished = open_stage(folder, settings)
    if finished is not None:
        return finished
    generator = train_in_processes(spec.processes, _train, spec, corpus, draws, tokens, text)
    _draw(spec, generator, VQGAN.from_folder(Path(vqgan.folder)), open_text(text)).save(folder / "pictures.png")
    return finish_stage(folder, lambda result: generator.to_folder(result, torch.float16))


def _train(
    spec: PretrainSpec, corpus: StageRecord, draws: StageRecord, tokens: StageRecord, text: StageRecord
) -> Generator:
    captions, start = read_arrays(Path(corpus.folder)).caption, base_to_start_from(spec)
    with Progress("generator", spec.generator.schedule.num_steps) as progress:
        return train_generator(
            read_tokenized(draws, tokens, "trained", captions),
            {name: read_tokenized(draws, tokens, name, captions) for name in KEPT},
            open_text(text),
            spec.size_px,
            _training(spec),
            spec.stage_folder("generator"),
            start=None if start is None else (start.generator, read_mixing(tokens)),
            seed=spec.seed,
            report=report_to(progress),
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
        code_parts=spec.vqgan.code_parts if wanted.tables_are_sums else (),
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
        config=defaults.SAMPLING.model_copy(update={"steps": wanted.sampling_steps}),
    ).images
    columns = len(wanted.contents)
    return comparison_sheet(
        wanted.contents,
        [Row(label=style, images=images[i * columns : (i + 1) * columns]) for i, style in enumerate(wanted.styles)],
    )
