"""Tables that people write in spreadsheets and with pandas, CSV and Parquet, as rows of named cells.

CSV: UTF-8, commas, a heading, one line a row. A cell with a comma stands in quotes, a quote in it is doubled. A line
break in a cell is never followed: a stray quote spoils the line it stands in and no other. Rows are numbered as lines
are, from the heading on. Rows without a word are passed over, and so is the index that pandas writes.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.parquet as pq

from data.errors import SpecError

MAX_BYTES_UNPACKED = 256 * 1024 * 1024

_LINE_END = re.compile(r"\r\n|\r|\n")
# Possessive: a line of a million blanks must not take a million times as long.
_CELL = re.compile(r'[ ]*+(?:"((?:[^"]|"")*+)"[ ]*+|([^",]*+))(,|$)')
_INDEX_OF_PANDAS = re.compile(r"(Unnamed: \d+|__index_level_\d+__)?")
_SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """A row: its cells by heading, or what is wrong with it."""

    number: int
    """From 1, the heading not counted, empty rows counted."""
    cells: dict[str, Any]
    problem: str = ""


def read_csv(content: bytes, required: Sequence[str], max_rows: int) -> list[TableRow]:
    """The rows of a CSV file that hold anything.

    Raises:
        SpecError: if it is no such file, or a required column is missing or a column stands twice.
    """
    lines = _LINE_END.split(_text(content))
    place = next((place for place, line in enumerate(lines, start=1) if line.strip(" ,")), 1)
    headings = _cells(lines[place - 1])
    if headings is None:
        raise SpecError(f"expected a heading with {', '.join(required)}, got {lines[place - 1]!r:.80}")
    while headings and not headings[-1]:
        headings.pop()
    _check_headings(headings, required)
    if len(lines) - place > max_rows:
        raise SpecError(f"expected at most {max_rows} rows, got {len(lines) - place}; cut the file")

    rows: list[TableRow] = []
    opened = ""  # the problem of a row whose quoted cell seems to go on
    for number, line in enumerate(lines[place:], start=1):
        cells = _cells(line)
        if cells is not None and not any(cells) and not opened:
            continue
        if opened and (cells is None or len(cells) < len(headings)):  # what is left of the row above
            rows[-1] = replace(rows[-1], problem=f"{opened} (it goes on to line {place + number})")
            opened = opened if line.count('"') % 2 == 0 else ""
            continue
        rows.append(_row(number, place + number, headings, cells))
        opened = rows[-1].problem if cells is None and line.count('"') % 2 else ""
    return rows


def read_parquet(content: bytes, required: Sequence[str], max_rows: int) -> list[TableRow]:
    """The rows of a Parquet file that hold anything.

    Raises:
        SpecError: if it is no such file, has too many rows, or a required column is missing or stands twice.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        metadata = file.metadata
        size_bytes = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        if metadata.num_rows > max_rows or size_bytes > MAX_BYTES_UNPACKED:
            raise SpecError(f"expected at most {max_rows} rows, got {metadata.num_rows} of {size_bytes} bytes; cut it")
        headings = file.schema_arrow.names
        _check_headings(headings, required)
        table = file.read()
    except SpecError:
        raise
    except Exception as error:  # pyarrow's own, OSError, UnicodeDecodeError, …
        raise SpecError(
            f"expected Parquet, got {len(content)} bytes that cannot be read: {error}; save it anew"
        ) from error
    rows = []
    for number in range(1, table.num_rows + 1):
        try:
            [cells] = table.slice(number - 1, 1).to_pylist()
        except Exception as error:  # a value that Python has no type for
            rows.append(TableRow(number=number, cells={}, problem=f"a value cannot be read: {error}"))
            continue
        named = {heading: cell for heading, cell in cells.items() if not _INDEX_OF_PANDAS.fullmatch(heading)}
        if any(not is_empty(cell) for cell in named.values()):
            rows.append(TableRow(number=number, cells=named))
    return rows


def is_empty(cell: Any) -> bool:
    """Whether a cell says nothing: none, blanks, or the number that is none."""
    return cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and cell != cell)


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or content[:1000].count(b"\0") > len(content[:1000]) // 4:
        raise SpecError("expected UTF-8, got UTF-16 or a binary file; save it as 'CSV UTF-8 (comma delimited)'")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SpecError(
            f"expected UTF-8, got the byte 0x{content[error.start]:02x} in line {line}; save it as 'CSV UTF-8'"
        ) from error


def _cells(line: str) -> list[str] | None:
    """The cells of a line; None if a quote stands where it must not."""
    cells: list[str] = []
    place = 0
    while True:
        found = _CELL.match(line, place)
        if found is None:
            return None
        quoted, plain, end = found.groups()
        cells.append((plain if quoted is None else quoted.replace('""', '"')).strip())
        if not end:
            return cells
        place = found.end()


def _row(number: int, line: int, headings: Sequence[str], cells: Sequence[str] | None) -> TableRow:
    if cells is None:
        problem = (
            f"line {line}: expected quotes at both ends of a cell and doubled within it, got one that stands alone, "
            "or a line break in a cell; write each row in one line"
        )
        return TableRow(number=number, cells={}, problem=problem)
    extra = [cell for cell in cells[len(headings) :] if cell]
    named = dict(zip(headings, cells, strict=False))
    if extra:
        problem = (
            f"line {line}: expected {len(headings)} cells, got {len(extra)} more: {extra[0]!r:.40}; "
            "is a comma not in quotes?"
        )
        return TableRow(number=number, cells=named, problem=problem)
    nameless = [
        cell
        for heading, cell in zip(headings, cells, strict=False)
        if _INDEX_OF_PANDAS.fullmatch(heading) and not re.fullmatch(r"\d*", cell)
    ]
    if nameless:
        problem = f"line {line}: expected nothing in a column without a heading, got {nameless[0]!r:.40}; name it"
        return TableRow(number=number, cells=named, problem=problem)
    return TableRow(
        number=number, cells={key: cell for key, cell in named.items() if not _INDEX_OF_PANDAS.fullmatch(key)}
    )


def _check_headings(headings: Sequence[str], required: Sequence[str]) -> None:
    named = [heading for heading in headings if not _INDEX_OF_PANDAS.fullmatch(heading)]
    twice = sorted({heading for heading in named if named.count(heading) > 1})
    if twice:
        raise SpecError(f"expected every column once, got {twice} more than once; rename or remove one of them")
    missing = [heading for heading in required if heading not in named]
    if missing:
        separators = [words for separator, words in _SEPARATORS.items() if any(separator in one for one in named)]
        hint = f" with {separators[0]} between them: separate them with commas" if separators else ""
        raise SpecError(f"expected the columns {', '.join(required)}, got {list(named)}{hint}; missing: {missing}")
