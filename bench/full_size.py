"""Does a base of the published size go through everything, and at what cost? A rehearsal with random weights.

    python -m bench.full_size --work FOLDER [--size 512] [--parts parity tuning onboarding] [--images 1]

FOLDER gets a base in aMUSEd-256's configuration (or 512's, `bench.published_shape`), 3.5 GB, and is kept. Each part
runs in a process of its own, so that its memory is its own. Weights are random: images show nothing, times and sizes
are real.

parity       ours against diffusers in float32: the largest difference of a forward pass's logits, relative to their
             deviation, and the share of equal tokens after four decoding steps of `AmusedPipeline`
tuning       both adapters of Tab. S3: peak memory, what of it the frozen weights are, seconds a step, those of
             the processors too, and where they go (share of them by kind of operation, of one image)
onboarding   `styledrop-onboard-style`, two rounds of two steps, onto a store in FOLDER: seconds by stage, and
             peak memory

$STYLEDROP_DTYPE and $STYLEDROP_AT_ONCE hold for tuning and onboarding, see `tasks.machine`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

import styledrop
from bench.amused_noise import AmusedNoise
from bench.published_shape import GENERATORS, save_published_shape
from styledrop.config.defaults import PAPER
from styledrop.guidance import Conditioned, guided
from styledrop.sampler import decode
from tasks.machine import at_once, device, dtype

STEPS = 4
"""Of decoding."""

TUNINGS = {"round 1": PAPER.first_round, "round 2": PAPER.later_rounds}
"""Of Tab. S3, but for their length."""

_KINDS = {
    "loss": ("log_softmax", "nll_loss"),
    "matrix products": ("mm", "linear"),
    "attention": ("attention", "softmax"),
    "convolutions": ("conv",),
    "norms": ("norm",),
    "copies and casts": ("copy", "clone", "cat", "fill_", "zero_", "index"),
}
"""Of operations, by parts of their names; the rest is element by element."""


def parity(folder: Path) -> dict[str, float]:
    """Compare with diffusers' models, which share our weights' memory."""
    import diffusers

    untyped: Any = diffusers
    base = styledrop.Base.from_pretrained(folder)
    ours, config = base.generator, base.generator.config
    with torch.device("meta"):
        theirs = untyped.UVit2DModel(**asdict(config))
    theirs.load_state_dict(ours.state_dict(), assign=True)
    theirs.eval()

    rng = torch.Generator().manual_seed(1)
    texts = base.text.encode(["a cat in watercolor painting style"])
    tokens = torch.randint(0, config.codebook_size, (1, config.num_tokens), generator=rng)
    tokens[torch.rand(tokens.shape, generator=rng) < 0.6] = config.mask_id
    micro = torch.tensor([[base.size_px, base.size_px, 0.0, 0.0, 6.0]])
    side = (config.sample_size, config.sample_size)
    with torch.inference_mode():
        wanted = theirs(tokens.unflatten(1, side), texts.hidden, texts.pooled, micro).flatten(2).transpose(1, 2)
        logits = ours(tokens, base.condition(texts.hidden, texts.pooled))
    deviation = float(wanted.std())
    difference = float((logits - wanted).abs().max()) / deviation
    del wanted, logits

    pipeline = untyped.AmusedPipeline.from_pretrained(
        folder, transformer=theirs, text_encoder=base.text.model, tokenizer=base.text.tokenizer
    )
    pipeline.set_progress_bar_config(disable=True)
    prompt = "a teapot in wooden sculpture style"
    drawn = pipeline(
        prompt,
        num_inference_steps=STEPS,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
    )
    latents = torch.as_tensor(drawn.images).flatten(1)
    texts, nothing = base.text.encode([prompt]), base.text.encode([""])
    masked = torch.full((1, config.num_tokens), config.mask_id)
    ours_drawn = decode(
        guided(
            Conditioned(generator=ours, condition=base.condition(texts.hidden, texts.pooled)),
            Conditioned(generator=ours, condition=base.condition(nothing.hidden, nothing.pooled)),
            guidance=styledrop.Guidance(lambda_b=5.0),  # their scale counts from one
        ),
        masked,
        mask_id=config.mask_id,
        steps=STEPS,
        temperature=(2.0, 0.0),
        noise=AmusedNoise(torch.Generator().manual_seed(3), masked),
    )
    return {
        "logits_deviation": round(deviation, 3),
        "relative_difference": difference,
        "equal_tokens": float((latents == ours_drawn).float().mean()),
    }


def tuning(folder: Path, num_steps: int, num_images: int) -> dict[str, Any]:
    """Tune each adapter for a few steps of so many images; then look at one more image, operation by operation."""
    base = styledrop.Base.from_pretrained(folder, device=device(), dtype=dtype())
    pairs = [(base.tokenize([picture(base.size_px)])[0], "a house in line icon style")]
    frozen = [
        parameter.numel() * parameter.itemsize
        for part in (base.generator, base.vqgan, base.text)
        for parameter in part.parameters()
    ]
    figures: dict[str, Any] = {
        "dtype": str(base.dtype),
        "at_once": at_once(),
        "frozen_gib": _gib(sum(frozen)),
        "loading_peak_gib": _peak_gib(),
    }
    for name, config in TUNINGS.items():
        _forget_peak()
        at, used = [time.perf_counter()], [time.process_time()]

        def step_done(step: int, steps: int, loss: float, at: list[float] = at, used: list[float] = used) -> None:
            at.append(time.perf_counter())
            used.append(time.process_time())

        styledrop.tune(
            base,
            pairs,
            config.model_copy(update={"steps": num_steps, "batch_size": num_images}),
            at_once=at_once(),
            progress=step_done,
        )
        figures[name] = {"peak_gib": _peak_gib(), "step_s": _differences(at), "step_processor_s": _differences(used)}
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        styledrop.tune(
            base,
            pairs,
            TUNINGS["round 2"].model_copy(update={"steps": 1, "batch_size": 1}),
        )
    figures["where"] = _shares({event.key: event.self_cpu_time_total for event in profile.key_averages()})
    return figures


def onboarding(folder: Path, work: Path, size_px: int) -> dict[str, Any]:
    """Onboard a drawing; every step of the pipeline is taken, each as short as can be."""
    # Imported here, as what they load would count in the memory of the other parts.
    from bench.orchestration import measure_pipeline, prefect_server
    from data.documents.style_spec import parse_spec

    reference = work / "reference.png"
    picture(size_px).save(reference)
    tuned = {"steps": 2, "batch_size": 2}
    drawn = {"steps": 2, "lambda_a": 2.0}
    name = f"rehearsal-{int(time.time())}"  # anew every time
    spec = parse_spec(
        {
            "name": name,
            "references": [{"uri": str(reference), "content_phrase": "a house", "style_phrase": "in line icon style"}],
            "licence": "CC0-1.0",
            "consent": "drawn by this bench",
            "base": str(folder),
            "first_round": tuned,
            "later_rounds": tuned,
            "reference_views": 1,
            "prompts": ["a teapot"],
            "images_per_prompt": 2,
            "candidate_sampling": drawn,
            "evaluation_prompts": ["a tree"],
            "images_per_evaluation_prompt": 1,
            "evaluation_sampling": drawn,
        }
    )
    place = work / name
    place.mkdir()
    with prefect_server(place) as (api_url, _):
        measured = measure_pipeline(spec, place, api_url)
    return {
        "wall_s": round(measured.wall_s),
        "peak_gib": round(measured.peak_mib / 1024, 2),
        "stages_s": {stage: round(seconds, 1) for stage, seconds in measured.stages.items()},
    }


def picture(size_px: int) -> Image.Image:
    """A house of lines."""
    image = Image.new("RGB", (size_px, size_px), "white")
    draw, unit = ImageDraw.Draw(image), size_px // 8
    draw.rectangle((2 * unit, 4 * unit, 6 * unit, 7 * unit), outline="navy", fill="lightblue", width=unit // 4)
    draw.polygon([(unit, 4 * unit), (4 * unit, unit), (7 * unit, 4 * unit)], outline="navy", fill="salmon")
    return image


def _shares(time_us: dict[str, float]) -> dict[str, float]:
    total: dict[str, float] = {}
    for operation, spent in time_us.items():
        name = operation.removeprefix("aten::").removeprefix("mkldnn_")
        kind = next(
            (kind for kind, parts in _KINDS.items() if any(part in name for part in parts)), "element by element"
        )
        if operation.startswith("aten::"):
            total[kind] = total.get(kind, 0.0) + spent
    ordered = sorted(total.items(), key=lambda one: -one[1])
    return {kind: round(spent / sum(total.values()), 3) for kind, spent in ordered}


def _differences(times: list[float]) -> list[float]:
    return [round(after - before, 1) for before, after in zip(times, times[1:], strict=False)]


def _gib(size_bytes: int) -> float:
    return round(size_bytes / 2**30, 2)


def _peak_gib() -> float:
    """The largest size of this process since the peak was last forgotten; mapped files count."""
    status = Path("/proc/self/status").read_text().splitlines()
    return _gib(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.full_size")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the base, the store and the pictures")
    parser.add_argument("--size", type=int, default=256, choices=sorted(GENERATORS), help="px, 256 or 512")
    parser.add_argument("--steps", type=int, default=2, help="of each tuning that is timed")
    parser.add_argument("--images", type=int, default=8, help="of each of these steps; the paper: 8")
    parts = ("parity", "tuning", "onboarding")
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    folder = work / f"random-amused-{arguments.size}"
    calls: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "parity": (parity, (folder,)),
        "tuning": (tuning, (folder, arguments.steps, arguments.images)),
        "onboarding": (onboarding, (folder, work, arguments.size)),
    }
    figures: dict[str, Any] = {"size_px": arguments.size}
    _apart(save_published_shape, (folder, arguments.size))
    for part in arguments.parts:
        figures[part] = _apart(*calls[part])
        print(f"{part}: {figures[part]}", file=sys.stderr, flush=True)
    print(json.dumps(figures))


def _apart(function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


if __name__ == "__main__":
    main()
