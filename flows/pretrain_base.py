"""From open icons to a base that styles can be tuned on.

Corpus, drawn pictures, text encoder, CLIP, VQGAN, generator, super-resolution, card.

    styledrop-pretrain-base --work FOLDER [--out FOLDER] [--settings FILE]

Needs npm and the checkout's `pretrain` extra. Started again with the same folder, it goes on where it was
killed; with more steps in the settings, a finished stage goes on from its checkpoint. Where only a finished base
is left, `start_from` in the settings goes on from its weights, also with other codes.
"""

import argparse
from pathlib import Path

from prefect import flow

from data.documents.pretrain_spec import PretrainSpec, read_pretrain_spec
from data.records.pretraining import PretrainedBase
from flows.terminal import run_in_terminal
from tasks.alone import alone
from tasks.pretraining.assemble import assemble_base, refuse_other_files
from tasks.pretraining.clip import fit_clip
from tasks.pretraining.corpus import build_corpus, fetch_packages
from tasks.pretraining.draws import draw_all, draw_large
from tasks.pretraining.generator import fit_generator, fit_super_resolution
from tasks.pretraining.start import copy_stage
from tasks.pretraining.text import embed_phrases, fit_text
from tasks.pretraining.tokens import tokenize_draws, tokenize_large
from tasks.pretraining.vqgan import fit_decoder, fit_vqgan


@flow(name="pretrain-base", persist_result=True, result_serializer="json")
def pretrain_base(spec: PretrainSpec) -> PretrainedBase:
    """Build the corpus, draw pictures from it, train every part of a base on them, and put the parts together."""
    refuse_other_files(spec.out_folder)
    with alone(Path(spec.work) / "lock", f"pretraining in {spec.work}"):
        return _stages(spec)


def _stages(spec: PretrainSpec) -> PretrainedBase:
    fetch_packages(spec)
    made = {"corpus": build_corpus(spec)}
    made["draws"] = draw_all(spec, made)
    if spec.start_from:
        made |= {stage: copy_stage(spec, stage) for stage in ("text", "clip")}
    else:
        made["sentences"] = embed_phrases(spec, made)
        made["text"] = fit_text(spec, made)
        made["clip"] = fit_clip(spec, made)
    made["vqgan"] = copy_stage(spec, "vqgan") if spec.copies("vqgan") else fit_vqgan(spec, made)
    made["tokens"] = tokenize_draws(spec, made)
    if spec.decoder.schedule.num_steps:
        made["decoder"] = fit_decoder(spec, made)
    made["generator"] = copy_stage(spec, "generator") if spec.copies("generator") else fit_generator(spec, made)
    if spec.copies("super_resolution"):
        made["super_resolution"] = copy_stage(spec, "super_resolution")
    else:
        made["large"] = draw_large(spec, made)
        made["large_tokens"] = tokenize_large(spec, made)
        made["super_resolution"] = fit_super_resolution(spec, made)
    return assemble_base(spec, made)


def main() -> int:
    """Run the flow in this terminal."""
    parser = argparse.ArgumentParser(prog="styledrop-pretrain-base", description=pretrain_base.description)
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints and pictures; 10 GB")
    parser.add_argument("--out", type=Path, help="folder of the finished base; default: WORK/base")
    parser.add_argument("--settings", type=Path, help="YAML or JSON; what differs from data/documents/pretraining.yaml")
    arguments = parser.parse_args()
    return run_in_terminal(
        lambda: pretrain_base(read_pretrain_spec(arguments.work, out=arguments.out, settings=arguments.settings)).folder
    )
