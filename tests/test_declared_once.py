"""A list of settings stands once: no two classes of the product declare the same three fields with defaults."""

import ast
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PRODUCT = ("flows", "tasks", "data", "model/styledrop", "published", "review", "rate", "infra", "bench")
TOO_MANY = 3


def fields_with_defaults(source: str) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    """Each class in `source` with name and type of the fields that it gives a default."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield (
                node.name,
                frozenset(
                    (line.target.id, ast.unparse(line.annotation))
                    for line in node.body
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and has_default(line.value)
                ),
            )


def has_default(value: ast.expr | None) -> bool:
    """Whether a field is given a value; `Field(ge=1)` gives none."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Field":
        return bool(value.args) or any(keyword.arg in ("default", "default_factory") for keyword in value.keywords)
    return value is not None


def ancestors(sources: Iterable[str]) -> dict[str, set[str]]:
    """The classes that each class inherits from, by their names: an override is no second list."""
    classes = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    bases = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)} for node in classes}
    for _ in bases:
        grown = {name: of.union(*(bases.get(base, set()) for base in of)) for name, of in bases.items()}
        if grown == bases:
            break
        bases = grown
    return bases


def shared_lists(sources: dict[str, str]) -> list[str]:
    """Pairs of classes that declare the same fields, in words."""
    above = ancestors(sources.values())
    classes = [
        (path, name, fields) for path, source in sources.items() for name, fields in fields_with_defaults(source)
    ]
    return [
        f"{path}: {name} and {elsewhere}: {other} both declare {sorted(field for field, _ in fields & others)}"
        for (path, name, fields), (elsewhere, other, others) in combinations(classes, 2)
        if len(fields & others) >= TOO_MANY and name not in above[other] and other not in above[name]
    ]


def test_no_field_list_stands_twice() -> None:
    files = [path for folder in PRODUCT for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    assert len(files) > 150
    sources = {str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8") for path in files}
    assert shared_lists(sources) == []


def test_a_field_list_that_stands_twice_is_found() -> None:
    one = "class Config:\n    steps: int = 1\n    rate: float = 0.1\n    size: int = Field(default=2)\n"
    mirror = one.replace("Config", "Settings") + "    other: int = 3\n"
    assert shared_lists({"a.py": one, "b.py": mirror}) == [
        "a.py: Config and b.py: Settings both declare ['rate', 'size', 'steps']"
    ]
    assert (
        shared_lists(
            {
                "a.py": one,
                "b.py": "class Sub(Config):\n    steps: int = 5\n    rate: float\n    size: int = Field(ge=1)\n",
            }
        )
        == []
    )
