"""Where a version came from: its base, references and rounds, and who decided; every claim against every other.

Each check gives what it found in words, or raises `PipelineError`, or what reading a broken document raises.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data.errors import StoreCorrupted
from data.parsing import parse_record
from data.records.feedback import NEEDS_PICKS, Decision, FeedbackRecord
from data.records.version import Manifest, VersionDocument
from data.store.candidates import from_parquet
from data.store.files import Store
from data.store.published_style import DOCUMENT, MANIFEST, SUPER_RESOLUTION_FOLDER, document_of, read_file, read_json
from styledrop.config.card import Card


@dataclass(frozen=True)
class VersionFiles:
    """A version's folder, each of its documents read once."""

    store: Store

    @cached_property
    def manifest_bytes(self) -> bytes:
        """The manifest as it lies there, unchecked."""
        return self.store.read(MANIFEST)

    @cached_property
    def manifest(self) -> dict[str, str]:
        """Digests by path."""
        return parse_record(self.manifest_bytes, Manifest, f"{self.store.uri}/{MANIFEST}", "do not use it").root

    @cached_property
    def document(self) -> VersionDocument:
        """What the version says of itself."""
        return document_of(self.store, self.manifest)

    @cached_property
    def card(self) -> Card:
        """The adapter's card, of whatever release."""
        return Card.model_validate_json(self.read("card.json"), extra="ignore")

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """What was asked for."""
        return dict(read_json(self.store, self.manifest, "spec.json"))

    def read(self, path: str) -> bytes:
        """The file at `path`, checked against the manifest."""
        return read_file(self.store, self.manifest, path)

    def feedback(self, round_number: int) -> FeedbackRecord:
        """Which candidates of a round were kept."""
        content = self.read(f"feedback/round-{round_number}.json")
        return FeedbackRecord.model_validate_json(content, extra="ignore")

    def kept_sha256(self, round_number: int) -> list[str]:
        """Digests of the images that were kept of a round's candidates."""
        given = self.feedback(round_number)
        images = {row.index: row.image for row in from_parquet(self.read(given.table.uri))}
        return [hashlib.sha256(images[number]).hexdigest() for number in given.kept]


def check_base(version: VersionFiles) -> str:
    """One base, by all documents."""
    agree("the base", {DOCUMENT: version.document.base_sha256, "card.json": version.card.base_sha256})
    return f"{version.document.base_name} ({version.document.base_sha256[:12]})"


def check_scorer(version: VersionFiles) -> str:
    """One CLIP, by all documents: scores of two do not compare."""
    told = version.card.scorer_sha256
    agree("the scorer", {DOCUMENT: version.document.scorer_sha256, "card.json": told})
    return told[:12]


def check_adapter(version: VersionFiles) -> str:
    """The weights that the documents name are those in the version."""
    told = version.card.weights_sha256
    _named("the adapter's weights", version, version.document.adapter, told)
    last = version.document.lineage[-1].adapter_sha256
    agree("the adapter's weights", {"card.json": told, "the last round": last})
    if version.document.enlarging:
        card = Card.model_validate_json(version.read(f"{SUPER_RESOLUTION_FOLDER}card.json"), extra="ignore")
        _named("super-resolution's weights", version, version.document.enlarging, card.weights_sha256)
    return version.card.weights_sha256[:12]


def _named(what: str, version: VersionFiles, paths: Sequence[str], told: str) -> None:
    """Refuse weights that are none of the files at `paths`; a LoRA has two files of the same weights."""
    weights = [version.manifest[path] for path in paths if path.endswith(".safetensors")]
    if told not in weights:
        agree(what, {"manifest": ", ".join(weights), "card.json": told})


def check_references(version: VersionFiles) -> str:
    """The references that the documents name are those that round 1 was tuned on."""
    told = [(one.source_sha256, one.content_phrase, one.style_phrase) for one in version.document.references]
    carded = [(one.sha256, one.content_phrase, one.style_phrase) for one in version.card.references]
    agree("the references", {DOCUMENT: told, "card.json": carded})
    if not told:
        raise StoreCorrupted("expected at least one reference, got none")
    images = [version.manifest[one.image] for one in version.document.references]
    agree("the references", {"images": images, "round 1": list(version.document.lineage[0].tuned_on_sha256)})
    return f"{len(told)}, what round 1 was tuned on"


def check_rounds(version: VersionFiles) -> str:
    """Each round is tuned on what was kept of the one before."""
    lineage = version.document.lineage
    agree(
        "the rounds",
        {DOCUMENT: [one.number for one in lineage], "card.json": [*range(1, len(version.card.rounds) + 1)]},
    )
    parents = ["", *(one.adapter_sha256 for one in lineage[:-1])]
    agree("the rounds' parents", {"named": [one.parent_sha256 for one in lineage], "made": parents})
    for made in lineage[1:]:
        kept = version.kept_sha256(made.number - 1)
        agree(f"what round {made.number} was tuned on", {"lineage": list(made.tuned_on_sha256), "kept": kept})
    return f"{len(lineage)}, each on what was kept of the one before"


def check_decisions(version: VersionFiles) -> str:
    """Who kept what of each round, and who let a leak be published."""
    words = []
    for number in range(1, len(version.card.rounds)):
        given = version.feedback(number)
        agree(f"who kept candidates of round {number}", {"feedback": given.source, "card.json": version.card.feedback})
        words.append(f"round {number} by {given.source}{_reviewed(given, number)}")
    words += _leak_words(version)
    return "; ".join(words) or "none was needed"


def _reviewed(given: FeedbackRecord, number: int) -> str:
    if given.source not in ("human", "hybrid"):
        return ""
    decision = given.decision
    if decision is None or decision.decision not in NEEDS_PICKS or not decision.reviewer.strip():
        raise StoreCorrupted(f"expected a person's approval of round {number} with a name, got {decision}")
    agree(f"picks of round {number}", {"decision": sorted(decision.picks), "record": sorted(given.kept)})
    return f" ({decision.reviewer})"


def _leak_words(version: VersionFiles) -> list[str]:
    leak = version.card.leak
    if not leak or "mean" not in leak or leak["mean"] <= leak["threshold"]:
        return []
    word = Decision.model_validate_json(version.read("word.json"), extra="ignore")
    agree("whose word it is", {"word.json": word.reviewer, "card.json": leak.get("published_by")})
    if word.decision == "reject" or not word.reviewer.strip():
        raise StoreCorrupted(f"expected a person's word that the leak may be published, got {word}")
    return [f"the leak by {word.reviewer}"]


def agree(what: str, said: Mapping[str, object]) -> None:
    """Refuse two sources that say different things of `what`."""
    (first, one), (second, other) = said.items()
    if one != other:
        raise StoreCorrupted(f"expected the same of {what}, got {_short(one)} ({first}) and {_short(other)} ({second})")


def _short(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_short, value))}]"[:200]
    return str(value)[:40] or "nothing"
