"""How much of a subject and how much of a style: γ of StyleDrop's Eq. 5 and 6, chosen for a request.

A larger γ shows more of the subject and less of the style. Both likenesses are taken as shares of what they gain from
one end to the other: Style from γ 1 to 0, Subject from γ 0 to 1. The γ is taken whose smaller share is the largest.
Where a likeness does not differ between the ends, it has no say.
"""

import json
from collections.abc import Sequence

from PIL import Image
from prefect import task

from data.errors import SpecError
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png, to_png
from data.pictures.markdown import embedded_image, table
from data.records.record import Record
from data.records.sampling_plan import SamplingPlan
from data.records.version import Score
from data.store.candidates import Candidate
from data.store.files import Store, read_blob
from tasks.models import open_base, open_scorer
from tasks.published.generate import GenerationPlan
from tasks.reporting import log_stage, show_markdown
from tasks.sampling import draw

GAMMAS = (0.0, 0.25, 0.4, 0.5, 0.6, 0.75, 1.0)
"""What is tried; the paper uses 0.5 to 0.7."""

PHRASES = 4
"""Of the request's, the first ones."""

IMAGES = 8
"""At each γ, of all phrases together, if the request draws as many."""


class TriedGamma(Record):
    """What both adapters draw at one γ."""

    gamma: float
    text: Score
    style: Score
    subject: Score


@task(persist_result=True, result_serializer="json")
def choose_gamma(wanted: GenerationPlan) -> GenerationPlan:
    """Choose γ for a subject in a style, if the request leaves it out; the grid goes beside the images.

    Raises:
        SpecError: if there is no scorer to choose by.
    """
    subject = wanted.plan.subject
    if subject is None or subject.gamma is not None:
        return wanted
    if open_base(wanted.plan.base).clip_folder is None and not wanted.plan.scorer:
        raise SpecError(
            "gamma: expected a number, since the base has no scorer to choose one by, got none; name one, or a scorer"
        )
    store, folder = Store(wanted.plan.store), f"{wanted.folder}/gamma"
    plans = [_at(wanted.plan, gamma) for gamma in GAMMAS]
    drawn = [
        draw(plan, folder, f"γ {gamma}", key=f"gamma-{plan.digest}-progress")
        for plan, gamma in zip(plans, GAMMAS, strict=True)
    ]
    tried = [_scored(plan, images) for plan, images in zip(plans, drawn, strict=True)]
    chosen = best_gamma(tried)
    rows = [
        Row(label="style", images=[from_png(read_blob(blob)) for blob in wanted.plan.styles[0].references]),
        Row(label="subject", images=[from_png(read_blob(blob)) for blob in subject.references]),
        *(
            Row(label=f"γ {one.gamma}{' (chosen)' if one.gamma == chosen else ''}", images=_images(images))
            for one, images in zip(tried, drawn, strict=True)
        ),
    ]
    sheet = to_png(comparison_sheet((), rows))
    kept = store.write_same(f"{wanted.folder}/gamma.png", sheet)
    figures = [one.model_dump() for one in tried]
    store.write_same(f"{wanted.folder}/gamma.json", json.dumps({"gamma": chosen, "tried": figures}, indent=2).encode())
    show_markdown(
        key=f"gamma-{wanted.plan.digest}",
        markdown=f"{embedded_image(sheet, 'png', 'a row for each γ')}\n\n{table([_cells(one) for one in tried])}",
        description=f"γ {chosen} of {', '.join(map(str, GAMMAS))}: {kept.uri}",
    )
    for one in tried:
        log_stage(f"γ {one.gamma}: Style {one.style.in_words}, Subject {one.subject.in_words}")
    log_stage(f"γ {chosen} chosen; beside the references: {kept.uri}")
    plan = wanted.plan.model_copy(update={"subject": subject.model_copy(update={"gamma": chosen})})
    return wanted.model_copy(update={"plan": plan})


def best_gamma(tried: Sequence[TriedGamma]) -> float:
    """The γ whose smaller share of both gains is the largest (see above); of equals the first."""
    only_style, only_subject = tried[0], tried[-1]

    def share(value: float, least: float, most: float) -> float:
        return min(1.0, (value - least) / (most - least)) if most > least else 1.0

    def smaller_share(one: TriedGamma) -> float:
        of_style = share(one.style.mean, only_subject.style.mean, only_style.style.mean)
        return min(of_style, share(one.subject.mean, only_style.subject.mean, only_subject.subject.mean))

    return max(tried, key=smaller_share).gamma


def _at(plan: SamplingPlan, gamma: float) -> SamplingPlan:
    assert plan.subject is not None
    phrases = plan.phrases[:PHRASES]
    return plan.model_copy(
        update={
            "subject": plan.subject.model_copy(update={"gamma": gamma}),
            "styles": plan.styles[:PHRASES],
            "phrases": phrases,
            "images_per_phrase": min(-(-IMAGES // len(phrases)), plan.images_per_phrase),
        }
    )


def _scored(plan: SamplingPlan, drawn: Sequence[Candidate]) -> TriedGamma:
    assert plan.subject is not None and plan.subject.gamma is not None
    references = [from_png(read_blob(blob)) for blob in plan.subject.references]
    to_subject = open_scorer(plan.base, plan.scorer).score(_images(drawn), [one.prompt for one in drawn], references)
    return TriedGamma(
        gamma=plan.subject.gamma,
        text=Score.of([one.text_score for one in drawn]),
        style=Score.of([one.style_score for one in drawn]),
        subject=Score.of(to_subject.style.tolist()),
    )


def _images(drawn: Sequence[Candidate]) -> list[Image.Image]:
    return [from_png(one.image) for one in drawn]


def _cells(one: TriedGamma) -> dict[str, str]:
    words = {"Text ↑": one.text.in_words, "Style ↑": one.style.in_words, "Subject ↑": one.subject.in_words}
    return {"γ": str(one.gamma), **words}
