"""Drawing and scoring images: what candidates, evaluation and generation have in common.

A plan is cut into parts of `PART_SIZE` images. Each part is kept in the store as soon as it is done, so a
killed run goes on with the next one, on this machine or another. The parts are drawn one after
the other in this process, or, in a flow run with a task runner of its own (`tasks.workers`), by its
workers: the same parts, so the same images.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.task_runners import ThreadPoolTaskRunner

import styledrop
from data.errors import AlreadyInStore, SpecError
from data.pictures.images import from_png, to_png
from data.records.sampling_plan import PlannedStyle, SamplingPlan, WeightedAdapter
from data.store.candidates import Candidate, from_parquet, to_parquet
from data.store.files import Store, read_blob
from styledrop.adapters import refuse_other_methods
from styledrop.sampler import BATCH_SIZE
from tasks.machine import at_once
from tasks.models import identify_scorer, open_adapter, open_base, open_scorer, refuse_cut_prompts
from tasks.reporting import Progress

PART_SIZE = 32
"""Images in a part: two batches of the usual size, so whoever draws the part cuts it into the same batches."""

DRAWN_BY = (__name__, "data.store.candidates", "styledrop.sampler", "styledrop.scoring")
"""The code that makes tables of images (`tasks.resuming`)."""


def draw_seed(seed: int, *parts: str | int) -> int:
    """A seed of 0 to 2**32 - 1 that depends on nothing but `seed` and what it is for."""
    words = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4])


def planned_images(plan: SamplingPlan) -> list[tuple[int, int]]:
    """Of each of the plan's images, phrase by phrase, the number of its phrase and its seed.

    A seed follows from the plan's seed, its purpose, the phrase and the image's number within the phrase.
    """
    return [
        (number, draw_seed(plan.seed, plan.purpose, phrase, i))
        for number, phrase in enumerate(plan.phrases)
        for i in range(plan.images_per_phrase)
    ]


def draw(plan: SamplingPlan, folder: str, description: str, *, key: str) -> list[Candidate]:
    """Draw and score all images; parts lie in `folder` of the plan's store, progress in the artifact `key`.

    Raises:
        SpecError: if the base's text encoder would cut a prompt.
    """
    refuse_cut_prompts(open_base(plan.base), plan.whole_prompts)
    parts = range(-(-plan.count // PART_SIZE))
    drawn: list[Candidate] = []
    with Progress(description, plan.count, key=key) as progress:
        if _runs_on_workers():
            for number, future in enumerate([draw_part.submit(plan, folder, number) for number in parts]):
                future.result()
                drawn += _read_part(plan, folder, number)
                progress.update(len(drawn))
        else:
            for number in parts:
                _draw_part(plan, folder, number, progress.update)
                drawn += _read_part(plan, folder, number)
    return drawn


@task(name="draw-part", task_run_name="part-{number}", persist_result=False, cache_policy=NO_CACHE)
def draw_part(plan: SamplingPlan, folder: str, number: int) -> None:
    """Draw one part, unless the store has it. Prefect keeps no result of it: what lies in the store is the result."""
    _draw_part(plan, folder, number, lambda _: None)


def enlarge_samples(
    base: styledrop.Base, samples: Sequence[Candidate], style: styledrop.Tuned | Sequence[styledrop.Tuned] | None
) -> list[Image.Image]:
    """The samples' images at twice their size, each from its own seed, with one adapter or one for each."""
    return styledrop.enlarge(
        base,
        torch.tensor([sample.tokens for sample in samples]),
        [sample.prompt for sample in samples],
        seeds=[sample.seed for sample in samples],
        style=style,
    )


def open_styles(
    of_images: Sequence[tuple[WeightedAdapter, ...]], base: styledrop.Base
) -> styledrop.Tuned | list[styledrop.Tuned] | None:
    """What the library is given as the style of images with these adapters: one for all, one for each, or none.

    Raises:
        SpecError: if adapters belong to another base, cannot be mixed, or not be drawn in one batch.
    """
    if not any(of_images):
        return None
    distinct: list[tuple[WeightedAdapter, ...]] = []
    for adapters in of_images:
        if adapters not in distinct:
            distinct.append(adapters)
    opened = [_open_mixture(adapters, base) for adapters in distinct]
    if len(opened) == 1:
        return opened[0]
    with _mixing_in_words():
        refuse_other_methods(opened)
    return [opened[distinct.index(adapters)] for adapters in of_images]


def _draw_part(plan: SamplingPlan, folder: str, number: int, progress: Callable[[int], None]) -> None:
    store = Store(plan.store)
    key = _part_key(plan, folder, number)
    if store.exists(key):
        return
    with suppress(AlreadyInStore):  # another worker was given it too, and was faster
        store.write_new(key, to_parquet(_draw_and_score(plan, number, progress)))


def _read_part(plan: SamplingPlan, folder: str, number: int) -> list[Candidate]:
    return from_parquet(Store(plan.store).read(_part_key(plan, folder, number)))


def _part_key(plan: SamplingPlan, folder: str, number: int) -> str:
    # By the plan's digest: another adapter's part is never taken for this one's.
    return f"{folder}/parts-{plan.digest}/{number:04}.parquet"


def _draw_and_score(plan: SamplingPlan, number: int, progress: Callable[[int], None]) -> list[Candidate]:
    base = open_base(plan.base)
    if base.sha256 != plan.base_sha256:
        raise SpecError(
            f"expected the base {plan.base!r} to be {plan.base_sha256[:12]}, got {base.sha256[:12]}; "
            "give every worker the same base"
        )
    if plan.scorer_sha256 and (scorer := identify_scorer(base, plan.scorer)) != plan.scorer_sha256:
        raise SpecError(
            f"expected the scorer {plan.scorer or f'of {plan.base!r}'} to be {plan.scorer_sha256[:12]}, got "
            f"{scorer[:12]}; give every worker the same"
        )
    first, settings = number * PART_SIZE, plan.settings
    phrases, seeds = zip(*planned_images(plan)[first : first + PART_SIZE], strict=True)
    prompts = [plan.prompt(phrase) for phrase in phrases]
    drawn = styledrop.sample(
        base,
        prompts,
        seeds=seeds,
        style=open_styles([plan.style_of(phrase).adapters for phrase in phrases], base),
        content=open_adapter(plan.subject.adapter, base) if plan.subject else None,
        content_prompts=[plan.subject_prompt(phrase) for phrase in phrases] if plan.subject else (),
        guidance=[_guidance(plan, plan.style_of(phrase)) for phrase in phrases],
        config=settings,
        negative_prompt=settings.negative_prompt,
        batch_size=at_once() or BATCH_SIZE,
        progress=lambda done, _: progress(first + done),
    )
    text_scores, style_scores = _scores(plan, base, phrases, drawn.images)
    return [
        Candidate(
            index=first + i,
            content_phrase=plan.phrases[phrase],
            prompt=prompts[i],
            seed=seeds[i],
            tokens=tuple(drawn.tokens[i].tolist()),
            image=to_png(drawn.images[i]),
            text_score=text_scores[i],
            style_score=style_scores[i],
        )
        for i, phrase in enumerate(phrases)
    ]


def _open_mixture(adapters: Sequence[WeightedAdapter], base: styledrop.Base) -> styledrop.Tuned:
    if not adapters:
        return styledrop.Tuned()
    opened = [(open_adapter(one.files, base), one.weight) for one in adapters]
    if len(opened) == 1 and opened[0][1] == 1.0:
        return opened[0][0]
    with _mixing_in_words():
        return styledrop.Mixture(opened)


@contextmanager
def _mixing_in_words() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise SpecError(f"several styles in a request: {error}") from error


def _guidance(plan: SamplingPlan, style: PlannedStyle) -> styledrop.Guidance:
    of_style = styledrop.Guidance(lambda_a=style.lambda_a, lambda_b=plan.settings.lambda_b)
    if plan.subject is None or plan.subject.gamma is None:
        return of_style
    return of_style.model_copy(update={"lambda_content": plan.subject.lambda_a, "gamma": plan.subject.gamma})


def _scores(
    plan: SamplingPlan, base: styledrop.Base, phrases: Sequence[int], images: Sequence[Image.Image]
) -> tuple[list[float], list[float]]:
    text, style = [math.nan] * len(images), [math.nan] * len(images)
    if base.clip_folder is None and not plan.scorer:
        return text, style
    for references in dict.fromkeys(plan.style_of(phrase).references for phrase in phrases):
        places = [place for place, phrase in enumerate(phrases) if plan.style_of(phrase).references == references]
        drawn = [images[place] for place in places]
        compared = [from_png(read_blob(blob)) for blob in references]
        prompts = [plan.described(phrases[place]) for place in places]
        scores = open_scorer(plan.base, plan.scorer).score(drawn, prompts, compared or drawn[:1])
        for place, of_text, of_style in zip(places, scores.text.tolist(), scores.style.tolist(), strict=True):
            text[place], style[place] = of_text, of_style if compared else math.nan
    return text, style


def _runs_on_workers() -> bool:
    flow_run = FlowRunContext.get()
    return flow_run is not None and not isinstance(flow_run.task_runner, ThreadPoolTaskRunner)
