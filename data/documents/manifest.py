"""A batch's manifest: CSV, Parquet or YAML, a row per style, checked as a whole before anything starts.

    name            slug under which the style is published
    images          URI of a reference, or several: a list, or in CSV joined by '|'; relative ones are taken
                    from the manifest's own folder
    content_phrase  what it shows; for several images one for each, or one for all
    style_phrase    how
    licence, consent
    fit             may be left out: "crop" or "pad"

Any other column is a field of the spec (feedback, rounds, seed, …) and counts for its row; an empty cell
leaves what the batch says. Rows are counted from 1, a CSV's heading not among them.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from fsspec.core import url_to_fs

from data.documents.spec import StyleSettings, StyleSpec, parse_spec
from data.errors import ManifestError, SpecError
from data.pictures.images import load_reference

MAX_ROWS = 10_000
MAX_FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestStyle:
    """A row that can be started."""

    row: int
    spec: StyleSpec
    reference_sha256: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestProblem:
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
    problems: tuple[ManifestProblem, ...]


def read_manifest(uri: str, settings: StyleSettings) -> Manifest:
    """Read the manifest at `uri`, a path or any fsspec URI, and check every row and every image of it.

    Raises:
        ManifestError: if the file cannot be read at all; bad rows are `problems`.
    """
    content = _read(uri)
    suffix = PurePosixPath(uri).suffix.lower()
    rows = _rows(uri, suffix, content)
    names = Counter(str(row["name"]) for row in rows if isinstance(row, dict) and row.get("name"))
    styles, problems = [], []
    for number, row in enumerate(rows, start=1):
        name = str(row.get("name") or "") if isinstance(row, dict) else ""
        try:
            if names[name] > 1:
                raise ManifestError(
                    f"expected a name of its own, got {name!r} in {names[name]} rows; rename all but one"
                )
            spec = _spec(row, uri, settings)
            images = [load_reference(reference.uri) for reference in spec.references]
            styles.append(
                ManifestStyle(row=number, spec=spec, reference_sha256=tuple(image.sha256 for image in images))
            )
        except SpecError as error:
            reason = str(error).removeprefix("the spec cannot be used: ")
            problems.append(ManifestProblem(row=number, name=name, reason=reason))
    return Manifest(content=content, suffix=suffix, styles=tuple(styles), problems=tuple(problems))


def _read(uri: str) -> bytes:
    try:
        filesystem, path = url_to_fs(uri)
        size_bytes = filesystem.info(path)["size"]
        if size_bytes > MAX_FILE_BYTES:
            raise ManifestError(f"expected at most {MAX_FILE_BYTES / 2**20:.0f} MB at {uri}, got {size_bytes} bytes")
        return bytes(filesystem.cat_file(path))
    except ManifestError:
        raise
    except Exception as error:  # every filesystem has errors of its own
        raise ManifestError(
            f"expected a manifest at {uri}, but it cannot be read: {type(error).__name__}: {error}"
        ) from error


def _rows(uri: str, suffix: str, content: bytes) -> list[Any]:
    rows: Any
    try:
        match suffix:
            case ".csv":
                rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
            case ".parquet":
                rows = pq.read_table(io.BytesIO(content)).to_pylist()
            case ".yaml" | ".yml":
                rows = yaml.safe_load(content.decode("utf-8"))
            case _:
                raise ManifestError(f"expected a manifest .csv, .parquet, .yaml or .yml, got {uri}; rename it")
    except (csv.Error, pa.ArrowException, OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ManifestError(f"expected {suffix[1:]} at {uri}, got: {error}; save it anew") from error
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
        got = f"{len(rows)} rows" if isinstance(rows, list) else type(rows).__name__
        raise ManifestError(
            f"expected a list of 1 to {MAX_ROWS} styles at {uri}, got {got}; see data/documents/manifest.py"
        )
    return rows


def _spec(row: Any, manifest_uri: str, settings: StyleSettings) -> StyleSpec:
    if not isinstance(row, dict):
        raise ManifestError(f"expected columns and values, got {type(row).__name__}")
    if None in row:  # where csv puts what has no heading
        raise ManifestError(f"expected {len(row) - 1} cells, got {len(row[None])} more; is a comma not in quotes?")
    fields = {column: value for column, value in row.items() if value is not None and value != ""}
    images = _several(fields.pop("images", []))
    contents = _several(fields.pop("content_phrase", []))
    if len(contents) == 1:
        contents *= len(images)
    if not images or len(contents) != len(images):
        raise ManifestError(
            f"expected images, and a content_phrase for all or for each, got {len(images)} images and "
            f"{len(contents)} phrases; fill in both columns"
        )
    of_all = {column: fields.pop(column) for column in ("style_phrase", "fit") if column in fields}
    references = [
        {"uri": _from_folder(image, manifest_uri), "content_phrase": content, **of_all}
        for image, content in zip(images, contents, strict=True)
    ]
    return parse_spec({**settings.model_dump(mode="json"), **fields, "references": references})


def _several(cell: Any) -> list[Any]:
    if isinstance(cell, str):
        return [part.strip() for part in cell.split("|")]
    return cell if isinstance(cell, list) else [cell]


def _from_folder(image: Any, manifest_uri: str) -> Any:
    if not isinstance(image, str) or "://" in image or image.startswith("/"):
        return image
    if "://" in manifest_uri:
        return f"{manifest_uri.rpartition('/')[0]}/{image}"
    return str((Path(manifest_uri).parent / image).resolve())
