"""Images on request: of prompts or of a published subject, in published styles or from the bare base."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal

from prefect import task

import styledrop
from data.documents.defaults import of_base
from data.documents.requests import GenerateRequest, StyledPrompt, WeightedStyle
from data.documents.words import phrase_without, whole_prompt
from data.errors import AlreadyInStore, SpecError, StoreCorrupted
from data.keys import signing_key
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image
from data.pictures.provenance import ImageSigner, with_text
from data.records.record import Blob, Record
from data.records.sampling_plan import PlannedStyle, PlannedSubject, SamplingPlan, WeightedAdapter
from data.store.candidates import Candidate, to_parquet
from data.store.files import Store
from data.store.published_style import PublishedStyle, read_version
from tasks.deployment import refuse_relative_addresses
from tasks.models import identify_scorer, open_adapter, open_base, refuse_cut_prompts
from tasks.reporting import artifact_link, log_stage, show_markdown
from tasks.sampling import draw, enlarge_samples, open_styles

SHEET_IMAGES_PER_PROMPT = 8

_SOFTWARE = f"styledrop {styledrop.__version__}"


class GenerationPlan(Record):
    """A checked request: what to draw, and the folder in the store that is kept for it."""

    plan: SamplingPlan
    folder: str
    large: bool
    enlarging: tuple[tuple[WeightedAdapter, ...], ...]
    """Super-resolution's adapters of each of the plan's styles."""
    origins: tuple[dict[str, str], ...]
    """What each phrase's PNGs say of how they were made, beside prompt and seed; none if they are to say nothing."""


class GeneratedImages(Record):
    """PNGs in a folder of the store, with a table of all of them and a contact sheet."""

    uri: str
    count: int
    table: Blob
    contact_sheet: Blob


@task(persist_result=True, result_serializer="json")
def prepare_images(request: GenerateRequest) -> GenerationPlan:
    """Check base, style and store, and take the folder.

    Raises:
        NotInStore: if nothing is published at the style's address.
        StyleWithdrawn: if the style was taken back.
        KeyUnusable: if the environment names a key to sign with that cannot be read.
        SpecError: if the style belongs to another base, the folder holds other images, large ones cannot be made, the
            base would cut a prompt, or an address is relative in a run of a deployment.
        StoreNotWritable: if the store refuses writes.
    """
    signing_key()  # the images need it at the end
    refuse_relative_addresses(request)
    prompts = request.styled_prompts
    base = open_base(request.base)
    if request.large and base.super_resolution is None:
        raise SpecError(f"large: expected a base with super-resolution, got {request.base!r}; leave the field out")
    opened = {part.style: _opened(part.style, "style") for prompt in prompts for part in _parts(prompt)}
    subject = _opened(request.subject, "subject") if request.subject else None
    in_styles = {bool(_parts(prompt)) for prompt in prompts}
    if subject is not None and len(in_styles) > 1:
        raise SpecError("subject: expected a style for all prompts, or for none, got some without; name one for all")
    styles = [_planned(prompt, opened, subject, request) for prompt in prompts]
    enlarging = [_adapters(prompt, opened, subject, "enlarging") for prompt in prompts] if request.large else []
    open_styles([style.adapters for style in styles], base)  # before a folder is taken for them
    if subject is not None:
        open_adapter(subject.adapter, base)
    if enlarging:
        open_styles(enlarging, base.large)
    store = Store(request.store)
    plan = SamplingPlan(
        store=store.uri,
        base=request.base,
        base_sha256=base.sha256,
        scorer=request.scorer,
        scorer_sha256=identify_scorer(base, request.scorer) if request.scorer else "",
        styles=tuple(styles[:1] if all(style == styles[0] for style in styles) else styles),
        subject=_planned_subject(subject, request) if subject is not None and True in in_styles else None,
        phrases=tuple(whole_prompt(subject.document.class_word if subject else "", one.content) for one in prompts),
        images_per_phrase=request.images_per_prompt,
        seed=request.seed,
        purpose="generate",
        settings=request.sampling,
    )
    refuse_cut_prompts(base, plan.whole_prompts)
    folder = f"generated/{request.folder}"
    try:
        store.write_same(f"{folder}/drawing.json", plan.identity.encode())
    except StoreCorrupted as error:
        raise SpecError(
            f"expected a folder of its own for these images, but {store.uri}/{folder} holds others; choose another name"
        ) from error
    return GenerationPlan(
        plan=plan,
        folder=folder,
        large=request.large,
        enlarging=tuple(enlarging),
        origins=tuple(_origin(prompt, opened, subject, base) for prompt in prompts) if request.provenance else (),
    )


@task(persist_result=True, result_serializer="json")
def generate_images(wanted: GenerationPlan) -> GeneratedImages:
    """Draw what is missing in the folder; then write it all as PNGs, table and contact sheet."""
    plan, folder = wanted.plan, wanted.folder
    keys = f"generate-{plan.digest}"
    images = draw(plan, folder, f"images of {folder}", key=f"{keys}-progress")
    store = Store(plan.store)
    write = _writer(store, wanted)
    for image in images:
        write(f"{folder}/{image.file_name}", image, image.image)
    small = [one for one in images if wanted.large and not store.exists(f"{folder}/large/{one.file_name}")]
    if small:
        base = open_base(plan.base)
        style = open_styles([wanted.enlarging[image.index // plan.images_per_phrase] for image in small], base.large)
        for image, large in zip(small, enlarge_samples(base, small, style), strict=True):
            write(f"{folder}/large/{image.file_name}", image, to_png(large))
    table = store.write_same(f"{folder}/images.parquet", to_parquet(images))
    rows = [
        Row(
            label=phrase if len(plan.styles) == 1 else plan.prompt(number),
            images=[
                from_png(image.image)
                for image in images[number * plan.images_per_phrase :][
                    : min(plan.images_per_phrase, SHEET_IMAGES_PER_PROMPT)
                ]
            ],
        )
        for number, phrase in enumerate(plan.phrases)
    ]
    sheet = to_png(comparison_sheet((), rows))
    generated = GeneratedImages(
        uri=f"{store.uri}/{folder}",
        count=len(images),
        table=table,
        contact_sheet=store.write_same(f"{folder}/contact_sheet.png", sheet),
    )
    show_markdown(
        key=keys,
        markdown=f"{embedded_image(sheet, 'png', 'images')}\n\n{artifact_link('progress', f'{keys}-progress')} → "
        f"{len(images)} images, with prompts, seeds and scores: {table.uri}",
        description=f"{len(images)} images in {generated.uri}",
    )
    log_stage(f"generated: {len(images)} images in {generated.uri}")
    return generated


def _origin(
    prompt: StyledPrompt, opened: Mapping[str, PublishedStyle], subject: PublishedStyle | None, base: styledrop.Base
) -> dict[str, str]:
    parts = [(opened[part.style], part.weight) for part in _parts(prompt)]
    names = [
        style.document.name if len(parts) == 1 else f"{style.document.name} x {weight:g}" for style, weight in parts
    ]
    of_style = {"style": " + ".join(names), "version": " + ".join(style.version for style, _ in parts)} if parts else {}
    of_subject = {"subject": subject.document.name, "subject's version": subject.version} if subject else {}
    return {**of_style, **of_subject, "base": f"{base.name} ({base.sha256[:12]})", "Software": _SOFTWARE}


def _writer(store: Store, wanted: GenerationPlan) -> Callable[[str, Candidate, bytes], None]:
    """A function that writes an image's PNG with how it was made.

    A PNG that exists stays: signed again, it would have other bytes.
    """
    key = signing_key() if wanted.origins else None
    signer = ImageSigner(key, _SOFTWARE) if key is not None else None

    def write(path: str, image: Candidate, png: bytes) -> None:
        if store.exists(path):
            return
        if wanted.origins:
            origin = wanted.origins[image.index // wanted.plan.images_per_phrase]
            facts = {"prompt": image.prompt, "seed": str(image.seed), **origin}
            png = with_text(png, facts)
            if signer is not None:
                png = signer.sign(png, facts)
        with suppress(AlreadyInStore):
            store.write_new(path, png)

    return write


def _parts(prompt: StyledPrompt) -> tuple[WeightedStyle, ...]:
    assert isinstance(prompt.style, tuple)  # as `styled_prompts` gives it
    return prompt.style


def _opened(uri: str, kind: Literal["style", "subject"]) -> PublishedStyle:
    published = read_version(uri)
    if published.document.kind != kind:
        raise SpecError(
            f"{kind}: expected a published {kind}, got {uri}, which is a {published.document.kind}; "
            f"name it as {published.document.kind}"
        )
    return published


def _adapters(
    prompt: StyledPrompt,
    opened: Mapping[str, PublishedStyle],
    subject: PublishedStyle | None,
    kind: Literal["adapter", "enlarging"],
) -> tuple[WeightedAdapter, ...]:
    found = [(getattr(opened[part.style], kind), part.weight) for part in _parts(prompt)]
    if subject is not None and not found:  # alone
        found = [(getattr(subject, kind), 1.0)]
    return tuple(WeightedAdapter(files=files, weight=weight) for files, weight in found if files)


def _planned(
    prompt: StyledPrompt,
    opened: Mapping[str, PublishedStyle],
    subject: PublishedStyle | None,
    request: GenerateRequest,
) -> PlannedStyle:
    parts = [(opened[part.style], part.weight) for part in _parts(prompt)]
    rare_token = ""
    if subject is not None and not parts:
        parts, rare_token = [(subject, 1.0)], subject.document.rare_token
    own = max(parts, key=lambda part: part[1])[0].document.style_phrase if parts else ""
    try:
        phrase = prompt.style_phrase or (phrase_without(own, prompt.without) if prompt.without else own)
    except ValueError as error:
        raise SpecError(f"without: {error}") from error
    # Of a mixture the mean by weight: each style was found to bear its own.
    weighted = sum(weight * style.lambda_a(request.sampling) for style, weight in parts)
    return PlannedStyle(
        adapters=_adapters(prompt, opened, subject, "adapter"),
        rare_token=rare_token,
        phrase=phrase,
        references=tuple(reference for style, _ in parts for reference in style.references),
        lambda_a=weighted / sum(weight for _, weight in parts)
        if parts
        else request.sampling.lambda_a_or(of_base(request.base)),
    )


def _planned_subject(subject: PublishedStyle, request: GenerateRequest) -> PlannedSubject:
    return PlannedSubject(
        adapter=subject.adapter,
        rare_token=subject.document.rare_token,
        references=subject.references,
        lambda_a=subject.lambda_a(request.sampling),
        gamma=request.gamma,
    )
