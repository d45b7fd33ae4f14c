"""A sampling plan: everything a set of images depends on. The same plan gives the same images, wherever it is drawn."""

import hashlib
import json
from collections.abc import Sequence

from data.documents.spec import SamplingSettings
from data.documents.words import whole_prompt
from data.records.onboarding import AdapterRecord, Run
from data.records.record import Blob, Record, Sha256


class SamplingPlan(Record):
    """`images_per_phrase` images of each phrase in one style, and what they are scored against."""

    store: str
    """Where the images go; blobs may lie elsewhere."""
    base: str
    base_sha256: Sha256
    style: dict[str, Blob] = {}
    """The adapter's files by name; none draws with the base alone."""
    style_phrase: str
    """Follows every phrase in its prompt; may be empty."""
    references: tuple[Blob, ...] = ()
    """Square PNGs that the style score compares with; without any it is NaN."""
    phrases: tuple[str, ...]
    images_per_phrase: int
    seed: int
    purpose: str
    """Part of every image's seed: plans for two purposes share no noise."""
    settings: SamplingSettings

    @property
    def count(self) -> int:
        """Images in all."""
        return len(self.phrases) * self.images_per_phrase

    @property
    def whole_prompts(self) -> tuple[str, ...]:
        """All that the base's text encoder is given."""
        return (*(whole_prompt(phrase, self.style_phrase) for phrase in self.phrases), self.settings.negative_prompt)

    @property
    def identity(self) -> str:
        """What the images depend on, as JSON: bytes, never where they lie, so that styles and stores can move."""
        asked = self.model_dump(mode="json", exclude={"store", "base"})
        style = {name: blob.sha256 for name, blob in self.style.items()}
        return json.dumps({**asked, "style": style, "references": [blob.sha256 for blob in self.references]}, indent=2)

    @property
    def digest(self) -> str:
        """Names it: 16 hexadecimal digits."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:16]


def plan_sampling(
    run: Run,
    adapter: AdapterRecord | None,
    *,
    phrases: Sequence[str],
    images_per_phrase: int,
    purpose: str,
    settings: SamplingSettings,
) -> SamplingPlan:
    """What `adapter`, or else the base, is to draw in a run."""
    return SamplingPlan(
        store=run.store,
        base=run.spec.base,
        base_sha256=run.base_sha256,
        style=adapter.files if adapter else {},
        style_phrase=run.spec.style_phrase,
        references=tuple(example.image for example in run.references),
        phrases=tuple(phrases),
        images_per_phrase=images_per_phrase,
        seed=run.spec.seed,
        purpose=purpose,
        settings=settings,
    )
