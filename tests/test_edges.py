"""What docs/edges.md and docs/security.md say is held, is held: the tests they name are there, and so are the words."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("data", "flows", "infra", "model/styledrop", "published", "review", "tasks")
FIRST_ROWS = range(1, 41)
WHO = {
    "the operator",
    "whoever starts runs",
    "whoever writes a spec, a manifest, a reference, a base, an adapter, a version",
    "a reviewer with a link",
    "anybody on the network",
}
"""Of the table of who is trusted with what, which names no tests."""


def rows(document: str) -> list[list[str]]:
    """The cells of the document's tables, headings left out."""
    lines = (ROOT / "docs" / document).read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]
    return [row for row in cells if not row[0].startswith(("#", "---", "threat", "who"))]


EDGES = {int(row[0]): row for row in rows("edges.md")}
THREATS = {row[0]: row for row in rows("security.md") if row[0] not in WHO}


@cache
def functions_in(file: str) -> list[str]:
    """Names of the test functions in `file`, a path or the end of one."""
    found = [path for path in (ROOT / "tests").rglob("test_*.py") if f"/{path}".endswith(f"/{file}")]
    assert len(found) == 1, f"{file} is {len(found)} files"
    return re.findall(r"^def (test_\w+)", found[0].read_text(), re.MULTILINE)


def named_tests(cell: str) -> list[tuple[str, str]]:
    """File and pattern of each test that a cell names; of a file alone, any."""
    files, named = [], []
    for token in re.findall(r"`([^`]+)`", cell):
        if token.endswith(".py"):
            files.append(token)
        elif "…" in token:
            named.append((files[-1], token))
    return named + [(file, "…") for file in files if file not in dict(named)]


@cache
def said_by_code() -> list[str]:
    """Every text in the code; a value that is put into one is a NUL."""
    said = []
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    said.append(
                        "".join(str(one.value) if isinstance(one, ast.Constant) else "\0" for one in node.values)
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    said.append(node.value)
    return said


def test_every_row_of_the_list_is_there_once() -> None:
    assert [number for number in EDGES if number <= FIRST_ROWS[-1]] and set(FIRST_ROWS) <= set(EDGES)
    assert len(rows("edges.md")) == len(EDGES)
    assert {len(row) for row in EDGES.values()} == {5}


@pytest.mark.parametrize("row", [*EDGES.values(), *THREATS.values()], ids=lambda row: row[0])
def test_the_tests_that_are_named_are_there(row: list[str]) -> None:
    named = named_tests(row[-1])
    for file, pattern in named:
        wanted = re.compile(".*".join(re.escape(part) for part in pattern.split("…")))
        assert [name for name in functions_in(file) if wanted.fullmatch(name)], (file, pattern)
    assert named or "docs/" in row[-1] or "bench." in row[-1]


@pytest.mark.parametrize("row", EDGES.values(), ids=lambda row: row[0])
def test_the_words_that_are_printed_stand_in_the_code(row: list[str]) -> None:
    for words in re.findall(r'"([^"]+)"', row[3]):
        wanted = re.compile(".*".join(re.escape(part.strip()) for part in words.split("…")), re.DOTALL)
        assert any(wanted.search(said) for said in said_by_code()), words
