"""Images on request, in a published style or from the bare base."""

from prefect import task
from prefect.artifacts import create_markdown_artifact

from data.documents.requests import GenerateRequest
from data.errors import SpecError, StoreCorrupted
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image
from data.records.record import Blob, Record
from data.records.sampling_plan import SamplingPlan
from data.store.candidates import to_parquet
from data.store.files import Store
from data.store.published_style import read_version
from tasks.models import open_adapter, open_base
from tasks.reporting import artifact_link, log_stage
from tasks.sampling import draw, enlarge_samples

SHEET_IMAGES_PER_PROMPT = 8


class GenerationPlan(Record):
    """A checked request: what to draw, and the folder in the store that is kept for it."""

    plan: SamplingPlan
    folder: str
    large: bool
    enlarging: dict[str, Blob]
    """Super-resolution's adapter of the style; empty for the base alone."""


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
        SpecError: if the style belongs to another base, the folder holds other images, or large ones cannot be made.
        StoreNotWritable: if the store refuses writes.
    """
    base = open_base(request.base)
    style = read_version(request.style) if request.style else None
    if style is not None:
        open_adapter(style.adapter, base)
    if request.large and base.super_resolution is None:
        raise SpecError(f"large: expected a base with super-resolution, got {request.base!r}; leave the field out")
    if request.large and style is not None and style.enlarging:
        open_adapter(style.enlarging, base.large)
    store = Store(request.store)
    plan = SamplingPlan(
        store=store.uri,
        base=request.base,
        base_sha256=base.sha256,
        style=style.adapter if style else {},
        style_phrase=request.style_phrase or (style.document.style_phrase if style else ""),
        references=style.references if style else (),
        phrases=request.prompts,
        images_per_phrase=request.images_per_prompt,
        seed=request.seed,
        purpose="generate",
        settings=style.sampling(request.sampling) if style else request.sampling,
    )
    folder = f"generated/{request.folder}"
    try:
        store.write_same(f"{folder}/drawing.json", plan.identity.encode())
    except StoreCorrupted as error:
        raise SpecError(
            f"expected a folder of its own for these images, but {store.uri}/{folder} holds others; choose another name"
        ) from error
    enlarging = style.enlarging if style else {}
    return GenerationPlan(plan=plan, folder=folder, large=request.large, enlarging=enlarging)


@task(persist_result=True, result_serializer="json")
def generate_images(wanted: GenerationPlan) -> GeneratedImages:
    """Draw what is missing in the folder; then write it all as PNGs, table and contact sheet."""
    plan, folder = wanted.plan, wanted.folder
    keys = f"generate-{plan.digest}"
    images = draw(plan, folder, f"images of {folder}", key=f"{keys}-progress")
    store = Store(plan.store)
    for image in images:
        store.write_same(f"{folder}/{image.file_name}", image.image)
    small = [one for one in images if wanted.large and not store.exists(f"{folder}/large/{one.file_name}")]
    if small:
        base = open_base(plan.base)
        style = open_adapter(wanted.enlarging, base.large) if wanted.enlarging else None
        for image, large in zip(small, enlarge_samples(base, small, style), strict=True):
            store.write_same(f"{folder}/large/{image.file_name}", to_png(large))
    table = store.write_same(f"{folder}/images.parquet", to_parquet(images))
    rows = [
        Row(
            label=phrase,
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
    create_markdown_artifact(
        key=keys,
        markdown=f"{embedded_image(sheet, 'png', 'images')}\n\n{artifact_link('progress', f'{keys}-progress')} → "
        f"{len(images)} images, with prompts, seeds and scores: {table.uri}",
        description=f"{len(images)} images in {generated.uri}",
    )
    log_stage(f"generated: {len(images)} images in {generated.uri}")
    return generated
