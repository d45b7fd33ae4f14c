"""The work of an onboarding with CLIP feedback, by the library alone: no Prefect, no store, no tables.

    python -m bench.bare_library PLAN

`bench.orchestration` writes the plan (JSON) and compares; the last line is what each stage took.
"""

import json
import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save

import styledrop
from styledrop.model_spec import tensors_sha256


def main() -> None:
    """Do what the plan says."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def done(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[stage] = round(seconds.get(stage, 0.0) + now - last, 3)
        last = now

    base = styledrop.Base.from_pretrained(plan["base"])
    scorer = styledrop.ClipScorer(Path(base.folder / "clip"))
    references = [Image.open(path).convert("RGB") for path in plan["references"]]
    done("load")
    pairs: list[tuple[Image.Image | torch.Tensor, str]] = [
        (view, prompt)
        for reference, prompt, seed in zip(references, plan["reference_prompts"], plan["view_seeds"], strict=True)
        for view in styledrop.views(reference, plan["views"], seed=seed)
    ]
    adapters: list[styledrop.Tuned] = []
    for number, settings in enumerate(plan["rounds"], start=1):
        config = styledrop.AdapterTuning(**settings["tuning"])
        adapters.append(styledrop.tune(base, pairs, config, seed=settings["seed"]))
        done(f"tune {number}")
        if number < len(plan["rounds"]):
            wanted = plan["candidates"][number - 1]
            drawn, text_scores = _draw(base, scorer, adapters[-1], wanted, references)
            best = [
                max(of_phrase, key=lambda place: text_scores[place])
                for _, of_phrase in groupby(range(len(text_scores)), key=lambda place: wanted["prompts"][place])
            ]
            pairs = [(drawn.tokens[place], wanted["prompts"][place]) for place in best]
            done(f"candidates {number}")
    for adapter in (None, *adapters):
        _draw(base, scorer, adapter, plan["evaluation"], references)
        done("evaluation")
    weights = save({name: value.contiguous() for name, value in adapters[-1].state_dict().items()})
    print(json.dumps({"seconds": seconds, "weights_sha256": tensors_sha256(weights)}))


def _draw(
    base: styledrop.Base,
    scorer: styledrop.ClipScorer,
    adapter: styledrop.Tuned | None,
    wanted: dict[str, Any],
    references: Sequence[Image.Image],
) -> tuple[styledrop.Sampled, list[float]]:
    settings = wanted["settings"]
    drawn = styledrop.sample(
        base,
        wanted["prompts"],
        seeds=wanted["seeds"],
        style=adapter,
        guidance=styledrop.Guidance(lambda_a=settings["lambda_a"], lambda_b=settings["lambda_b"]),
        config=styledrop.SamplingConfig(**{name: settings[name] for name in styledrop.SamplingConfig.model_fields}),
        negative_prompt=settings["negative_prompt"],
    )
    return drawn, scorer.score(drawn.images, wanted["prompts"], references).text.tolist()


if __name__ == "__main__":
    main()
