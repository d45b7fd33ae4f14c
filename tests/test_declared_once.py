"""A list of fields stands once: no two classes of the product share four names, or three with type and default.

Where two of them rightly say the same words, `SAME_WORDS` has the reason.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PRODUCT = ("flows", "tasks", "data", "model/styledrop", "published", "review", "rate", "infra", "bench")
TOO_MANY_NAMES = 4
TOO_MANY_DEFAULTS = 3

SAME_WORDS = {
    (
        "VersionDocument",
        "Card",
    ): "two published formats, of a version and of the adapter's own files, which the library "
    "reads alone; neither may change for the other",
    ("VersionReference", "StyleReference"): "parts of these two",
    ("SubjectSpec", "VersionDocument"): "a version is read without the spec that it came from",
    ("SubjectSpec", "Card"): "and so are the adapter's own files",
    ("PlannedSubject", "VersionDocument"): "a plan has the bytes, a published version the paths",
    ("Surroundings", "SamplingPlan"): "images are named by all that they depend on, and so by nothing else of a spec",
    ("StyleSettings", "Defaults"): "a section that a spec leaves out is the base's section of the same name",
    ("PretrainSpec", "Base"): "how each part is trained, and the part",
    ("MaskedModelTraining", "GeneratorConfig"): "sizes by the names of diffusers' config.json, which the second one "
    "reads and writes with all else that stands there",
    ("VQGANTraining", "VQGANConfig"): "likewise",
    ("Corpus", "Icon"): "columns of arrays, and a row before it is drawn",
    ("_Form", "Rating"): "what the page sends speaks of images A and B, what is kept of the first and the second",
}
"""Pairs of classes that may share names, each with the reason."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A class and the fields that it declares itself."""

    name: str
    bases: tuple[str, ...]
    fields: Mapping[str, tuple[str, bool]]
    """By name: the type, and whether there is a default."""

    def shared_with(self, other: "Declared") -> list[str]:
        """Names of the fields that make a list which stands twice; nothing if they make none."""
        shared = sorted(self.fields.keys() & other.fields.keys())
        same_default = [name for name in shared if self.fields[name] == other.fields[name] and self.fields[name][1]]
        return shared if len(shared) >= TOO_MANY_NAMES or len(same_default) >= TOO_MANY_DEFAULTS else []


def declared(source: str) -> Iterator[Declared]:
    """Each class in `source`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield Declared(
                name=node.name,
                bases=tuple(base.id for base in node.bases if isinstance(base, ast.Name)),
                fields={
                    line.target.id: (ast.unparse(line.annotation), has_default(line.value))
                    for line in node.body
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
                },
            )


def has_default(value: ast.expr | None) -> bool:
    """Whether a field is given a value; `Field(ge=1)` gives none."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Field":
        return bool(value.args) or any(keyword.arg in ("default", "default_factory") for keyword in value.keywords)
    return value is not None


def shared_lists(sources: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Pairs of classes that declare the same fields, and these; an override is no second list."""
    classes = [found for source in sources for found in declared(source)]
    bases = {found.name: found.bases for found in classes}

    def above(name: str) -> set[str]:
        return {name}.union(*(above(base) for base in bases.get(name, ())))

    def is_override(one: str, other: str) -> bool:
        return one in above(other) or other in above(one)

    return {
        (one.name, other.name): shared
        for one, other in combinations(classes, 2)
        if (shared := one.shared_with(other)) and not is_override(one.name, other.name)
    }


def test_no_field_list_stands_twice() -> None:
    files = [path for folder in PRODUCT for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    assert len(files) > 150
    found = shared_lists(path.read_text(encoding="utf-8") for path in files)
    assert {pair: fields for pair, fields in found.items() if pair not in SAME_WORDS} == {}
    assert [pair for pair in SAME_WORDS if pair not in found] == [], "they share nothing any more: take them out"


def test_a_field_list_that_stands_twice_is_found() -> None:
    one = "class Config:\n    steps: int = 1\n    rate: float = 0.1\n    size: int = Field(default=2)\n"
    mirror = one.replace("Config", "Settings") + "    other: int = 3\n"
    assert shared_lists([one, mirror]) == {("Config", "Settings"): ["rate", "size", "steps"]}
    assert shared_lists([one, mirror.replace("int = Field(default=2)", "str")]) == {}
    asked = "class Asked:\n    name: str\n    uri: str\n    kind: str\n    sha256: str\n"
    kept = "class Kept:\n    name: int\n    uri: bytes = b''\n    kind: Kind\n    sha256: Sha256\n"
    assert shared_lists([asked, kept]) == {("Asked", "Kept"): ["kind", "name", "sha256", "uri"]}


def test_an_override_is_no_second_list() -> None:
    one = "class Config:\n    steps: int = 1\n    rate: float = 0.1\n    size: int = 2\n    seed: int = 0\n"
    middle = "class Middle(Config):\n    other: int = 1\n"
    below = one.replace("Config", "Below(Middle)")
    assert shared_lists([one, middle, below]) == {}
