"""A batch's manifest: CSV, Parquet, YAML or JSON, a row per style, checked as a whole before anything starts.

    name            slug under which the style is published
    images          URI of a reference, or several: a list, or in CSV joined by '|'; relative ones are taken
                    from the manifest's own folder
    content_phrase  what it shows; for several images one for each, or one for all
    style_phrase    how; where one of both is left out it is proposed, and a person is asked
    licence, consent
    fit             may be left out: "crop" or "pad"

Any other column is a field of the spec (feedback, rounds, seed, …) and counts for its row; an empty cell
leaves what the batch says. Rows are counted from 1, a CSV's heading not among them; how tables are read stands in
`data.documents.table`. Whatever is wrong with a row is its problem alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from data.addresses import absolute, folder_of, read_file
from data.documents.document import parse_document
from data.documents.spec import StyleSettings
from data.documents.style_spec import StyleSpec, parse_spec
from data.documents.table import TableRow, is_empty, read_csv, read_parquet
from data.documents.words import shown
from data.errors import AddressError, ManifestError, SpecError
from data.pictures.images import load_reference
from styledrop.config.settings import Settings

REQUIRED = ("name", "images", "licence", "consent")

MAX_ROWS = 10_000
MAX_FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestStyle:
    """A row that can be started."""

    row: int
    spec: StyleSpec
    reference_sha256: tuple[str, ...]


class BadRow(Settings):
    """A row that cannot be started, and why."""

    row: int
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """All rows, good and bad, and the file they came from."""

    content: bytes
    suffix: str
    styles: tuple[ManifestStyle, ...]
    problems: tuple[BadRow, ...]


def read_manifest(uri: str, settings: StyleSettings) -> Manifest:
    """Read the manifest at `uri`, a path or any URI of `data.addresses`, and check every row and every image of it.

    Raises:
        ManifestError: if the file cannot be read at all; bad rows are `problems`, whatever is wrong with them.
    """
    suffix = PurePosixPath(uri.strip()).suffix.lower()
    try:
        folder = folder_of(uri)
        content = read_file(uri, "a manifest", MAX_FILE_BYTES)
        rows = _rows(uri, suffix, content)
    except ManifestError:
        raise
    except SpecError as error:
        where = "" if isinstance(error, AddressError) else f"the manifest {uri} cannot be used: "
        raise ManifestError(f"{where}{error}") from error
    names = Counter(_name(row) for row in rows)
    styles, problems = [], []
    for row in rows:
        name = _name(row)
        try:
            if row.problem:
                raise ManifestError(row.problem)
            if name and names[name] > 1:
                raise ManifestError(
                    f"expected a name of its own, got {name!r} in {names[name]} rows; rename all but one"
                )
            spec = _spec(row.cells, folder, settings)
            images = [load_reference(reference.uri, reference.fit) for reference in spec.references]
            styles.append(
                ManifestStyle(row=row.number, spec=spec, reference_sha256=tuple(image.sha256 for image in images))
            )
        except SpecError as error:
            problems.append(_problem(row, str(error).removeprefix("the spec cannot be used: ")))
        except Exception as error:  # nothing about a row may end the batch
            problems.append(_problem(row, f"{type(error).__name__}: {error}"))
    return Manifest(content=content, suffix=suffix, styles=tuple(styles), problems=tuple(problems))


def _rows(uri: str, suffix: str, content: bytes) -> Sequence[TableRow]:
    match suffix:
        case ".csv":
            rows = read_csv(content, REQUIRED, MAX_ROWS)
        case ".parquet":
            rows = read_parquet(content, REQUIRED, MAX_ROWS)
        case ".yaml" | ".yml" | ".json":
            rows = _listed(uri, parse_document(content, uri))
        case _:
            raise ManifestError(f"expected a manifest .csv, .parquet, .yaml, .yml or .json, got {uri}; save it as one")
    if not 1 <= len(rows) <= MAX_ROWS:
        raise ManifestError(f"expected 1 to {MAX_ROWS} styles at {uri}, got {len(rows)} rows that hold anything")
    return rows


def _listed(uri: str, document: Any) -> list[TableRow]:
    if not isinstance(document, list):
        got = "nothing" if document is None else type(document).__name__
        raise ManifestError(f"expected a list of styles at {uri}, got {got}; see data/documents/manifest.py")
    rows = []
    for number, row in enumerate(document, start=1):
        cells = {} if row is None else row
        if not isinstance(cells, dict):
            problem = f"expected columns and values, got {type(row).__name__}"
            rows.append(TableRow(number=number, cells={}, problem=problem))
        elif any(not is_empty(cell) for cell in cells.values()):
            rows.append(TableRow(number=number, cells=cells))
    return rows


def _name(row: TableRow) -> str:
    name = row.cells.get("name")
    return "" if is_empty(name) else str(name).strip()


def _problem(row: TableRow, reason: str) -> BadRow:
    return BadRow(row=row.number, name=shown(_name(row), 100), reason=shown(reason))


def _spec(row: dict[str, Any], folder: str, settings: StyleSettings) -> StyleSpec:
    fields = {column: value for column, value in row.items() if not is_empty(value)}
    if "references" in fields:
        raise ManifestError(
            "references: expected the columns images, content_phrase and style_phrase, got this; move it"
        )
    images = _several(fields.pop("images", []))
    contents = _several(fields.pop("content_phrase", [None]))
    if len(contents) == 1:
        contents *= len(images)
    if not images or len(contents) != len(images):
        raise ManifestError(
            f"expected images, and a content_phrase for all or for each, got {len(images)} images and "
            f"{len(contents)} phrases; fill in both columns"
        )
    styles = _several(fields.pop("style_phrase", []))
    if len(set(styles)) > 1:
        raise ManifestError(f"style_phrase: expected one for all images of a style, got {styles}; onboard two styles")
    of_all = {"style_phrase": styles[0]} if styles else {}
    of_all |= {"fit": fields.pop("fit")} if "fit" in fields else {}
    references = [
        {"uri": absolute(image, folder) if isinstance(image, str) else image, "content_phrase": content, **of_all}
        for image, content in zip(images, contents, strict=True)
    ]
    return parse_spec({**settings.model_dump(mode="json", exclude_unset=True), **fields, "references": references})


def _several(cell: Any) -> list[Any]:
    if isinstance(cell, str):
        return [part.strip() for part in cell.split("|")]
    return cell if isinstance(cell, list) else [cell]
