"""What the steps of an onboarding hand to each other: the run, what is tuned on, adapters, candidates, the version."""

import hashlib
from datetime import datetime

from pydantic import ConfigDict, RootModel

from data.documents.style_spec import StyleSpec
from data.documents.subject_spec import SubjectSpec
from data.records.record import Blob, Record, Sha256


class Example(Record):
    """A style reference as it is tuned on: an image (square RGB PNG) and its whole prompt."""

    image: Blob
    prompt: str


class SaidPhrase(Record):
    """A phrase that the spec left out: what the base's scorer proposed, and what a person made of it.

    It is published: fields of other releases are passed over.
    """

    model_config = ConfigDict(extra="ignore")

    reference: int
    """Which one's content it names, counted from 1; 0: it is the style phrase, which all have."""
    proposed: str
    said: str
    reviewer: str
    decided_at: datetime

    @property
    def in_words(self) -> str:
        """Who made what of it."""
        if self.said == self.proposed:
            return f"proposed and confirmed by {self.reviewer}"
        return f"proposed and corrected by {self.reviewer} (proposed: {self.proposed})"


class SaidPhrases(RootModel[tuple[SaidPhrase, ...]]):
    """What became of all phrases that a spec left out."""


class Run(Record):
    """A checked spec, with all that its tasks have in common.

    `key` is the digest of the spec, the bytes of its references and the base: of all that a version is made of. What is
    made on the way lies in a folder of the style, where a run of another spec finds what both have in common. `nonce`
    was drawn when that folder was made: if it is emptied, nothing cached fits any more.
    """

    key: str
    nonce: str
    started_at: datetime
    store: str
    spec: StyleSpec | SubjectSpec
    base_sha256: str
    scorer_sha256: str
    """Of what scores: the spec's, or the base's own."""
    reference_sha256: tuple[str, ...]
    """Of the files as the user gave them, this time or to the version that is made anew."""
    references: tuple[Example, ...]
    large_references: tuple[Example, ...] = ()
    """The same at the size that super-resolution makes; none if the base has none."""
    rebuilds: str = ""
    """Address of the published version that is made anew; empty for a new style."""
    said_phrases: tuple[SaidPhrase, ...] = ()
    """Those that the spec left out, and a person said; the spec here has them."""

    @property
    def folder(self) -> str:
        """Key of the style's folder in the store."""
        return f"runs/{self.spec.name}"

    @property
    def place(self) -> str:
        """Where what is made lies, and lies no more if the folder is emptied."""
        return f"{self.store}/{self.folder} {self.nonce}"

    @property
    def place_key(self) -> str:
        """Names the place in the keys of artifacts: 16 hexadecimal digits."""
        return hashlib.sha256(self.place.encode()).hexdigest()[:16]

    def origin(self, reference: int) -> str:
        """How the content phrase of a reference, counted from 1, or of 0 the style phrase came about, in words."""
        return next((one.in_words for one in self.said_phrases if one.reference == reference), "given")


class TuningExamples(Record):
    """What an adapter is tuned on: rows of a table of prompts and VQGAN tokens (`data.store.candidates`)."""

    table: Blob
    rows: tuple[int, ...]


class TunedRecord(Record):
    """What was tuned: the files the library wrote, by name."""

    files: dict[str, Blob]
    parameters: int
    final_loss: float
    seconds: float

    @property
    def weights(self) -> str:
        """Name of the file of its weights; a LoRA's lie there once more, by the name that diffusers gives them."""
        [name] = (name for name in self.files if name.startswith("adapter") and name.endswith(".safetensors"))
        return name


class AdapterRecord(TunedRecord):
    """The adapter of a round."""

    round_number: int


class CandidatesRecord(Record):
    """The candidates sampled from one round's adapter (Parquet, see `data.store.candidates`)."""

    round_number: int
    table: Blob
    count: int


class EnlargingRecord(Record):
    """Super-resolution's adapter of the style, and the last round's evaluation images, enlarged with it."""

    adapter: TunedRecord
    contact_sheet: Blob


class NearStyle(Record):
    """A published style, and how much its references look like new ones (Style score: 1 is the same picture)."""

    name: str
    style_score: float

    @property
    def in_words(self) -> str:
        """As "0.97 like stickies"."""
        return f"{self.style_score:.2f} like {self.name}"


class PublishedAdapter(Record):
    """A version in the store: `styles/NAME/versions/VERSION`. Its files never change."""

    name: str
    version: str
    uri: str
    manifest_sha256: Sha256
