"""Scores of a published style beside those of its base: the same prompts, the same seeds."""

from collections.abc import Sequence

from prefect import task

from data.documents.prompts import EVALUATION_PROMPTS, SUBJECT_EVALUATION_PROMPTS
from data.documents.requests import EvaluateRequest
from data.documents.words import shared_contents, whole_prompt, without_contents
from data.errors import SpecError
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image, table
from data.records.record import Record
from data.records.sampling_plan import PlannedStyle, SamplingPlan, WeightedAdapter
from data.records.scores import RoundScores
from data.store.candidates import from_parquet
from data.store.files import Store, read_blob
from data.store.published_style import read_version
from tasks.deployment import refuse_relative_addresses
from tasks.models import identify_scorer, open_adapter, open_base, refuse_cut_prompts
from tasks.reporting import artifact_link, log_stage, show_markdown
from tasks.scoring import leak_of, round_label, score, score_cells

MAX_COLUMNS = 20
"""Prompts on the report's sheet: the first ones; more cannot be read."""


class EvaluationPlan(Record):
    """A checked request: what base and style are to draw, and where the report goes."""

    name: str
    version_uri: str
    rounds: int
    base: SamplingPlan
    style: SamplingPlan
    likeness: str
    reference_contents: frozenset[str]
    folder: str


class EvaluatedStyle(Record):
    """A report in the store, with its figures."""

    uri: str
    base: RoundScores
    style: RoundScores


@task(persist_result=True, result_serializer="json")
def prepare_scores(request: EvaluateRequest) -> EvaluationPlan:
    """Check style, base and prompts.

    Raises:
        NotInStore: if nothing is published at the style's address.
        StyleWithdrawn: if the style was taken back.
        SpecError: if the style belongs to another base or was tuned on a prompt, the base cannot score or would cut a
            prompt, or an address is relative in a run of a deployment.
    """
    refuse_relative_addresses(request)
    base = open_base(request.base)
    scorer = identify_scorer(base, request.scorer)
    published = read_version(request.style)
    open_adapter(published.adapter, base)
    style = published.document
    prompts = request.prompts or (SUBJECT_EVALUATION_PROMPTS if style.kind == "subject" else EVALUATION_PROMPTS)
    phrases = tuple(whole_prompt(style.class_word, prompt) for prompt in prompts)
    if not request.prompts:  # our own list gives way
        phrases = without_contents(phrases, style.tuned_on)
    shared = shared_contents(phrases, style.tuned_on)
    if shared or not phrases:
        raise SpecError(
            f"expected prompts that {style.name!r} was not tuned on, got {shared or 'none'}; scores on those are not "
            "results: leave them out"
        )
    store = Store(request.store)
    without_adapter = PlannedStyle(
        rare_token=style.rare_token,
        phrase=style.style_phrase,
        references=published.references,
        lambda_a=published.lambda_a(request.sampling),
    )
    adapters = (WeightedAdapter(files=published.adapter),)
    drawn_by_base = SamplingPlan(
        store=store.uri,
        base=request.base,
        base_sha256=base.sha256,
        scorer=request.scorer,
        scorer_sha256=scorer if request.scorer else "",
        styles=(without_adapter,),
        phrases=phrases,
        images_per_phrase=request.images_per_prompt,
        seed=request.seed,
        purpose="evaluation",
        settings=request.sampling,
    )
    refuse_cut_prompts(base, drawn_by_base.whole_prompts)
    drawn_in_style = drawn_by_base.model_copy(
        update={"styles": (without_adapter.model_copy(update={"adapters": adapters}),)}
    )
    return EvaluationPlan(
        name=style.name,
        version_uri=published.uri,
        rounds=style.rounds,
        base=drawn_by_base,
        style=drawn_in_style,
        likeness=style.likeness,
        # Every image of a subject is to show what the references show.
        reference_contents=frozenset(phrases)
        if style.kind == "subject"
        else frozenset(reference.content_phrase for reference in style.references),
        # Scores of two scorers do not compare.
        folder=f"evaluations/{style.name}/{published.version}-{drawn_in_style.digest[:8]}-{scorer[:8]}",
    )


@task(persist_result=True, result_serializer="json", task_run_name="score-{round_number}")
def score_published(wanted: EvaluationPlan, round_number: int) -> RoundScores:
    """Score the base (round 0) or the style."""
    plan = wanted.style if round_number else wanted.base
    return score(plan, wanted.folder, round_number, key=f"evaluate-{plan.digest}-progress")


@task(persist_result=True, result_serializer="json")
def report_scores(wanted: EvaluationPlan, scores: Sequence[RoundScores]) -> EvaluatedStyle:
    """Write the report: Markdown with pictures in the store, and the same as an artifact."""
    store = Store(wanted.base.store)
    prompts, images_per_prompt = wanted.style.phrases, wanted.style.images_per_phrase
    labels = [round_label(of_round.round_number) for of_round in scores]
    samples = [from_parquet(store.read_blob(of_round.samples)) for of_round in scores]
    first_of_each_prompt = [
        [from_png(sample.image) for sample in drawn[::images_per_prompt][:MAX_COLUMNS]] for drawn in samples
    ]
    [style] = wanted.style.styles
    leak = leak_of(style.references, wanted.reference_contents, samples[1], samples[0])
    rows = [Row(label="reference", images=[from_png(read_blob(blob)) for blob in style.references])]
    rows += [Row(label=name, images=images) for name, images in zip(labels, first_of_each_prompt, strict=True)]
    sheet = to_png(comparison_sheet(prompts[:MAX_COLUMNS], rows))
    # Report and sheet are named by their digests: the same request under another version of this code has another.
    picture = f"![reference, base and style]({store.write_blob(wanted.folder, '.png', sheet).uri.rpartition('/')[2]})"
    settings = wanted.style.settings.model_copy(update={"lambda_a": style.lambda_a})
    cells = [
        score_cells(name, of_round, of_style, prompts[:MAX_COLUMNS], images, wanted.likeness)
        for name, of_round, of_style, images in zip(labels, scores, (None, leak), first_of_each_prompt, strict=True)
    ]
    report = "\n\n".join(
        [
            f"# {wanted.name}",
            f"{wanted.version_uri}, on {len(prompts)} prompts that it was not tuned on, {images_per_prompt} images "
            f"each, the same seeds for base and style. Mean ± standard error over {wanted.style.count} images.",
            table(cells),
            picture,
            f"Sampling: {settings.model_dump_json()}, seed {wanted.style.seed}. Base {wanted.base.base_sha256[:12]}. "
            f"{wanted.likeness} is the cosine of image and reference: a collapsed adapter, which only repeats its "
            "reference, has the best. Leak is how much of the reference's content shows in these other contents, above "
            "what the base shows.",
            "All images with prompts, seeds and scores: "
            + ", ".join(f"{name}: {of_round.samples.uri}" for name, of_round in zip(labels, scores, strict=True)),
        ]
    )
    uri = store.write_blob(wanted.folder, ".md", report.encode()).uri
    progress = " → ".join(
        artifact_link(f"progress of {name}", f"evaluate-{plan.digest}-progress")
        for name, plan in zip(labels, (wanted.base, wanted.style), strict=True)
    )
    show_markdown(
        key=f"evaluate-{wanted.style.digest}",
        markdown=report.replace(picture, embedded_image(sheet, "png", "reference, base and style"))
        + f"\n\n{progress} → {uri}",
        description=f"{wanted.name}: Text and {wanted.likeness} beside the base's",
    )
    for name, of_round in zip(labels, scores, strict=True):
        log_stage(f"{wanted.name}, {name}: Text {of_round.text.in_words}, {wanted.likeness} {of_round.style.in_words}")
    return EvaluatedStyle(uri=uri, base=scores[0], style=scores[1])
