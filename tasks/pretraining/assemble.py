"""Last: the parts become a base, with a card that says what it was made from."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from prefect import task
from prefect.cache_policies import NO_CACHE

import styledrop
from data.corpus.arrays import read_arrays
from data.corpus.vocabulary import contents_of, looks
from data.documents.defaults import OF_EMBEDDED
from data.documents.pretrain_spec import PretrainSpec
from data.documents.vocabulary import FILE as VOCABULARY
from data.errors import PretrainingError
from data.records.pretraining import Made, PretrainedBase
from styledrop.generator import Generator
from styledrop.super_resolution import SuperResolution
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN
from tasks.pretraining.start import base_to_start_from

_FOLDERS = (
    "clip",
    "judge",
    "scheduler",
    "super_resolution",
    "text_encoder",
    "tokenizer",
    "transformer",
    "vqvae",
)
_FILES = ("CREDITS.md", "card.json", "model_index.json", "vocabulary.json")
"""What a base is made of, by the names at the top; one of an earlier release has a `judge`, too."""


@task(persist_result=True, result_serializer="json", cache_policy=NO_CACHE)
def assemble_base(spec: PretrainSpec, stages: Made) -> PretrainedBase:
    """Write the base in half precision, the scorer and its words, the card and the corpus' credits; then load it once.

    A base that lies at the place is replaced once the new one is whole.

    Raises:
        PretrainingError: if anything else than a base lies at the place, also beside one.
    """
    out = spec.out_folder
    refuse_other_files(out)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    corpus, text_folder = stages["corpus"].path, stages["text"].path
    generator = Generator.from_folder(stages["generator"].path)
    vqgan = VQGAN.from_folder(stages.get("decoder", stages["vqgan"]).path)
    text = TextEncoder.from_folder(text_folder / "text_encoder", text_folder / "tokenizer")
    super_resolution = SuperResolution.from_folder(stages["super_resolution"].path)
    parts = {"text_encoder": text, "vqgan": vqgan, "generator": generator, "super_resolution": super_resolution}
    card = {
        **_card(spec, stages, json.loads((corpus / "corpus.json").read_text(encoding="utf-8"))),
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
    }
    styledrop.save_base(
        partial,
        generator=generator,
        vqgan=vqgan,
        text=text,
        super_resolution=super_resolution,
        card=card,
        dtype=torch.float16,
    )
    shutil.copytree(stages["clip"].path, partial / "clip")
    shutil.copyfile(corpus / "CREDITS.md", partial / "CREDITS.md")
    if contents := contents_of(read_arrays(corpus)):
        vocabulary = json.dumps({"contents": contents, "styles": looks()}, indent=1, ensure_ascii=False)
        (partial / VOCABULARY).write_text(vocabulary + "\n", encoding="utf-8")
    base = styledrop.Base.from_pretrained(partial)
    refuse_other_files(out)  # hours may have passed
    if out.exists():
        shutil.rmtree(out)
    os.replace(partial, out)
    return PretrainedBase(
        folder=str(out),
        sha256=base.sha256,
        size_bytes=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
    )


def refuse_other_files(out: Path) -> None:
    """Refuse to replace a folder that holds anything but a base: nobody else's files are ever removed.

    Raises:
        PretrainingError: naming what else lies there.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise PretrainingError(f"expected nothing or a base at {out}, got a file or a link; name another with --out")
    paths = [path.relative_to(out) for path in out.rglob("*")] if out.exists() else []
    others = sorted(str(path) for path in paths if not _is_of_a_base(path))
    if others or (paths and not (out / "model_index.json").is_file()):
        raise PretrainingError(
            f"expected nothing or a base at {out}, got other files ({', '.join(others[:3]) or 'no model_index.json'}); "
            "move them away, or name another folder with --out"
        )


def _is_of_a_base(path: Path) -> bool:
    if len(path.parts) == 1:
        return path.name in (*_FOLDERS, *_FILES)
    is_of_a_part = path.suffix in (".json", ".safetensors") or path.name == "merges.txt"
    return len(path.parts) == 2 and path.parts[0] in _FOLDERS and is_of_a_part


def _card(spec: PretrainSpec, stages: Made, corpus: Mapping[str, Any]) -> dict[str, Any]:
    settings = spec.model_dump(mode="json", exclude={"work", "out", "packages", "teacher", "pictures", "start_from"})
    start = base_to_start_from(spec)
    theirs = {} if start is None else start.card
    their_stages, their_settings = theirs.get("stages", {}), theirs.get("settings", {})
    # Copy the card entries of stages that were not trained from the base we started from.
    kept = {name for name, stage in stages.items() if not stage.steps and their_stages.get(name, {}).get("steps")}
    return {
        "name": spec.name,
        **({} if start is None else {"start_from": {"name": start.name, "sha256": start.sha256}}),
        "size_px": spec.size_px,
        "seed": spec.seed,
        "torch": torch.__version__,
        "styledrop": styledrop.__version__,
        "corpus": {
            "sha256": corpus["sha256"],
            "packages": corpus["packages"],
            "images": corpus["images"],
            "splits": corpus["splits"],
            "counts": corpus["counts"],
            "licences": {style: licence["spdx"] for style, licence in corpus["licences"].items()},
            "credits": "CREDITS.md",
        },
        "stages": {
            name: their_stages[name]
            if name in kept
            else {
                "steps": stage.steps,
                "seconds": stage.seconds,
                "size_bytes": stage.size_bytes,
                "sha256": stage.sha256,
                "figures": stage.figures,
            }
            for name, stage in stages.items()
        },
        "settings": settings | {name: part for name, part in their_settings.items() if name in kept},
        "defaults": (OF_EMBEDDED if start is None else start.defaults).model_dump(mode="json"),
    }
