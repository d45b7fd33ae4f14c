"""A batch: what is asked, what becomes of each style, and the report (Parquet, a row per style)."""

import io
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from data.documents.manifest import BadRow
from data.documents.style_spec import StyleSpec
from data.documents.subject_spec import SubjectSpec
from data.records.onboarding import PublishedAdapter
from data.records.record import Blob, Record

BatchName = Annotated[str, Field(pattern=r"^([a-z0-9](-?[a-z0-9]){0,63})?$")]
"""Empty, or a part of an address."""
Wave = Annotated[
    int, Field(ge=1, le=200, description="styles under way at once; twice the limit of pool and queue at most")
]
WaitsForReviewers = Annotated[
    bool, Field(description="end only when no style waits for a person any more, which may take days")
]


class BatchStyle(Record):
    """A style of the manifest that can be onboarded; or a subject, to be made anew."""

    row: int
    spec: StyleSpec | SubjectSpec
    reference_sha256: tuple[str, ...]
    run_key: str
    """As in `Run`: the digest of all that makes the result what it is."""
    published: PublishedAdapter | None
    """If a version of the style was made from exactly this."""
    withdrawn: str = ""
    """Who took the style back, when and why; it is not onboarded again."""


class Batch(Record):
    """A checked manifest."""

    name: str
    store: str
    manifest: Blob
    """A copy."""
    styles: tuple[BatchStyle, ...]
    bad_rows: tuple[BadRow, ...]


class StyleRun(Record):
    """Where the run of a style stood when the batch ended."""

    state: Literal["completed", "waiting", "failed"]
    message: str
    url: str
    waits_for: str = ""
    verdict: Literal["learnt", "not learnt", ""] = ""
    """On what is asked about, if it waits."""


class Outcome(Record):
    """A row of the report. Scores are of the base and of the last round; none if nothing was published."""

    row: int
    name: str
    state: Literal["published", "published before", "withdrawn", "waiting", "failed", "bad row"]
    reason: str = ""
    waits_for: str = ""
    text_before: float | None = None
    text_after: float | None = None
    style_before: float | None = None
    style_after: float | None = None
    verdict: Literal["learnt", "not learnt", ""] = ""
    nearest: str = ""
    """The published styles that its references look most like, in words."""
    run_url: str = ""
    published_uri: str = ""
    over_old: str = ""
    """What it gained over the version that it rebuilds, in words."""
    old_and_new: str = ""
    """Address of the sheet of both; published or not."""


class BatchReport(Record):
    """What became of a batch."""

    batch: str
    table: Blob
    styles: dict[str, int]
    """How many in each state."""
    incomplete: tuple[str, ...]
    """Bad rows and failed styles, each with its reason."""


_COLUMNS: dict[object, pa.DataType] = {int: pa.int32(), float | None: pa.float32()}
_SCHEMA = pa.schema(
    pa.field(name, _COLUMNS.get(field.annotation, pa.string()), nullable=field.annotation == float | None)
    for name, field in Outcome.model_fields.items()
)


def to_parquet(outcomes: Sequence[Outcome]) -> bytes:
    """The report as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([outcome.model_dump() for outcome in outcomes], schema=_SCHEMA), buffer)
    return buffer.getvalue()


def report(batch: Batch, outcomes: Sequence[Outcome], table: Blob) -> BatchReport:
    """The report's summary."""
    return BatchReport(
        batch=batch.name,
        table=table,
        styles=dict(Counter(outcome.state for outcome in outcomes)),
        incomplete=tuple(
            f"row {outcome.row} ({outcome.name or 'no name'}): {outcome.reason}"
            for outcome in outcomes
            if outcome.state in ("bad row", "failed")
        ),
    )
