"""A sampling plan: everything a set of images depends on. The same plan gives the same images, wherever it is drawn."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from data.documents.defaults import of_base
from data.documents.of_base import SamplingSettings
from data.documents.words import whole_prompt
from data.records.onboarding import AdapterRecord, Run
from data.records.record import Blob, Record, Sha256

TABLE_LAYOUT = 2
"""Of the tables that images are kept in. Layout 1 had no tokens: its images are drawn again, not read."""


class WeightedAdapter(Record):
    """An adapter's files by name, and how much of its changes is made."""

    files: dict[str, Blob]
    weight: float = 1.0


class PlannedStyle(Record):
    """What images are drawn in: a style, several with weights, or, without adapters, what the base makes of words."""

    adapters: tuple[WeightedAdapter, ...] = ()
    rare_token: str = ""
    """Precedes every phrase in its prompt, where what is drawn in is a subject alone; Text is scored without it."""
    phrase: str
    """Follows every content phrase in its prompt; may be empty."""
    references: tuple[Blob, ...] = ()
    """Square PNGs that the style score compares with; without any it is NaN."""
    lambda_a: float


class PlannedSubject(Record):
    """A subject that is drawn in a style (StyleDrop, Eq. 5 and 6)."""

    adapter: dict[str, Blob]
    rare_token: str
    references: tuple[Blob, ...]
    lambda_a: float
    gamma: float | None
    """How much of the subject, 0 to 1; None until it is chosen."""


class SamplingPlan(Record):
    """`images_per_phrase` images of each phrase, each in its style, and what they are scored against."""

    store: str
    """Where the images go; blobs may lie elsewhere."""
    base: str
    base_sha256: Sha256
    scorer: str = ""
    """The folder of what scores them; empty for the base's own."""
    scorer_sha256: str = ""
    """Empty where nothing compares the scores with others'."""
    styles: tuple[PlannedStyle, ...]
    """One for all phrases, or one for each."""
    subject: PlannedSubject | None = None
    """What all phrases begin with, where it is drawn in the styles."""
    phrases: tuple[str, ...]
    images_per_phrase: int
    seed: int
    purpose: str
    """Part of every image's seed: plans for two purposes share no noise."""
    settings: SamplingSettings
    """But for λ_A, which each style has its own of."""

    def style_of(self, number: int) -> PlannedStyle:
        """That of the phrase with this number."""
        return self.styles[number] if len(self.styles) > 1 else self.styles[0]

    def prompt(self, number: int) -> str:
        """The whole prompt of the phrase with this number."""
        return whole_prompt(self.style_of(number).rare_token, self.described(number))

    def described(self, number: int) -> str:
        """The same without a rare token, which no scorer knows."""
        return whole_prompt(self.phrases[number], self.style_of(number).phrase)

    def subject_prompt(self, number: int) -> str:
        """What the subject's adapter is given: the phrase without style phrase, behind its rare token."""
        assert self.subject is not None
        return whole_prompt(self.subject.rare_token, self.phrases[number])

    @property
    def count(self) -> int:
        """Images in all."""
        return len(self.phrases) * self.images_per_phrase

    @property
    def whole_prompts(self) -> tuple[str, ...]:
        """All that the base's text encoder is given."""
        numbers = range(len(self.phrases))
        of_subject = (self.subject_prompt(number) for number in numbers) if self.subject else ()
        return (*(self.prompt(number) for number in numbers), *of_subject, self.settings.negative_prompt)

    @property
    def identity(self) -> str:
        """What the images depend on, as JSON: bytes, never where they lie, so that styles and stores can move."""
        addresses = {"store": True, "base": True, "scorer": True}
        asked = self.model_dump(mode="json", exclude={**addresses, "settings": {"lambda_a"}})
        for style in asked["styles"]:
            if not style["adapters"]:
                del style["lambda_a"]  # moves nothing without an adapter: the base is drawn once for all
        return json.dumps(_bytes_only({**asked, "layout": TABLE_LAYOUT}), indent=2)

    @property
    def digest(self) -> str:
        """Names it: 16 hexadecimal digits."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:16]


def plan_sampling(
    run: Run,
    adapter: AdapterRecord | None,
    *,
    prompts: Sequence[str],
    images_per_phrase: int,
    purpose: str,
    settings: SamplingSettings,
) -> SamplingPlan:
    """What `adapter`, or else the base, is to draw in a run."""
    return SamplingPlan(
        store=run.store,
        base=run.spec.base,
        base_sha256=run.base_sha256,
        scorer=run.spec.scorer,
        scorer_sha256=run.scorer_sha256,
        styles=(
            PlannedStyle(
                adapters=(WeightedAdapter(files=adapter.files),) if adapter else (),
                rare_token=run.spec.token,
                phrase=run.spec.style_phrase,
                references=tuple(example.image for example in run.references),
                lambda_a=settings.lambda_a_or(of_base(run.spec.base)),
            ),
        ),
        phrases=tuple(run.spec.phrase(prompt) for prompt in prompts),
        images_per_phrase=images_per_phrase,
        seed=run.spec.seed,
        purpose=purpose,
        settings=settings,
    )


def _bytes_only(document: Any) -> Any:
    """`document` with the digest of each blob in its place."""
    if isinstance(document, dict):
        if document.keys() == Blob.model_fields.keys():
            return document["sha256"]
        return {name: _bytes_only(value) for name, value in document.items()}
    return [_bytes_only(value) for value in document] if isinstance(document, list) else document
