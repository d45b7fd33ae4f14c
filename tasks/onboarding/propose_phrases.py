"""Phrases that a spec leaves out: proposed by the base's scorer over its vocabulary, and found as a person said them.

Content: of the vocabulary's, the one with the highest Text. Style: with each reference's content before it, the look
with the highest Text over all references.

What was said is found by the pictures and the words that the spec does give, whatever base is asked.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from PIL import Image
from prefect import task

from data.documents.spec import OnboardingSpec
from data.documents.vocabulary import read_vocabulary
from data.pictures.images import from_png
from data.records.feedback import Decision, settle
from data.records.onboarding import Run, SaidPhrase
from data.records.questions import PhrasesQuestion
from data.store.files import Store
from styledrop import ClipScorer
from tasks.models import open_base, open_scorer
from tasks.onboarding.decisions import read_decisions
from tasks.onboarding.nearest import looks_of_styles, nearest_styles
from tasks.reporting import log_stage


@task(persist_result=True, result_serializer="json")
def propose_phrases(run: Run) -> PhrasesQuestion:
    """Propose a phrase for each that the spec leaves out, and ask what it shall be.

    Raises:
        SpecError: if the base has no vocabulary.
    """
    spec, store = run.spec, Store(run.store)
    vocabulary = read_vocabulary(open_base(spec.base).folder)
    scorer = open_scorer(spec.base, spec.scorer)
    references = [from_png(store.read_blob(example.image)) for example in run.references]
    contents = [
        given or best_content(scorer, image, vocabulary.contents)
        for image, (given, _) in zip(references, spec.reference_words, strict=True)
    ]
    style = spec.style_phrase or best_style(scorer, references, contents, vocabulary.styles)
    question = PhrasesQuestion(
        style=spec.name,
        store=run.store,
        references=run.references,
        nearest=nearest_styles(spec.name, references, looks_of_styles(store, scorer), scorer),
        left_out=spec.phrases_left_out,
        proposed=tuple(contents[number - 1] if number else style for number in spec.phrases_left_out),
    )
    log_stage(f"the spec leaves phrases out; proposed: {', '.join(question.proposed)}")
    return question


def best_content(scorer: ClipScorer, image: Image.Image, contents: Sequence[str]) -> str:
    """The one of `contents` with the highest Text."""
    return contents[int(scorer.compare([image], contents)[0].argmax())]


def best_style(scorer: ClipScorer, images: Sequence[Image.Image], contents: Sequence[str], looks: Sequence[str]) -> str:
    """The style phrase, made of one of `looks`, with the highest Text over all images, each with its content."""
    phrases = [f"in {look} style" for look in looks]
    text = [
        scorer.compare([image], [f"{content} {phrase}" for phrase in phrases])[0]
        for image, content in zip(images, contents, strict=True)
    ]
    return phrases[int(np.sum(text, axis=0).argmax())]


def place_of_phrases(spec: OnboardingSpec, reference_sha256: Sequence[str]) -> str:
    """Where the decisions on the phrases lie that the spec leaves out, by its pictures and what it does say of them."""
    given = [one.model_dump(mode="json", exclude={"uri"}) for one in spec.references]
    digest = hashlib.sha256(json.dumps([*reference_sha256, given], sort_keys=True).encode()).hexdigest()
    return f"runs/{spec.name}/phrases/{digest[:32]}"


def as_said(spec: OnboardingSpec, reference_sha256: Sequence[str]) -> OnboardingSpec:
    """The spec with what a person said of phrases that it leaves out; as it is if nobody has, or nothing is left out.

    Raises:
        SpecError: if what was said does not go with the rest of the spec any more.
        StoreError: if the decision cannot be read.
    """
    if not spec.phrases_left_out:
        return spec
    given = read_decisions(Store(spec.store), place_of_phrases(spec, reference_sha256))
    decision = settle(given, spec.reviewers)
    return spec.with_phrases(decision.phrases) if decision and decision.decision == "confirm" else spec


def said_phrases(spec: OnboardingSpec, decision: Decision) -> tuple[SaidPhrase, ...]:
    """What became of each phrase that the spec leaves out."""
    return tuple(
        SaidPhrase(
            reference=number,
            proposed=proposed,
            said=said,
            reviewer=decision.reviewer,
            decided_at=decision.decided_at,
        )
        for number, proposed, said in zip(spec.phrases_left_out, decision.proposed, decision.phrases, strict=True)
    )
