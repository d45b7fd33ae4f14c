"""One reader for the documents people write, YAML and JSON: what is wrong is one line with its place.

Keys are text and stand once. Dates stay the text that was written. What is nested too deeply, or grows too large
by its own aliases, is refused before anything is made of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ValidationError

from data.documents.words import shown
from data.errors import SpecError
from styledrop.config.settings import completed

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_VALUES = 500_000
"""With aliases written out."""

_STRING = "tag:yaml.org,2002:str"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_UNDER_WAY = (0, 0)

Model = TypeVar("Model", bound=BaseModel)


def read_document(path: Path, what: str) -> dict[str, Any]:
    """The fields and values in a YAML or JSON file; errors call it `what`.

    Raises:
        SpecError: if it cannot be read, is no YAML or JSON, or holds no fields.
    """
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(f"expected {what} at {shown(str(path))}, got {reason}; check the path") from error
    if len(content) > MAX_FILE_BYTES:
        raise SpecError(f"expected at most {MAX_FILE_BYTES / 2**20:.0f} MB of {what} at {path}, got more")
    document = parse_document(content, str(path))
    if not isinstance(document, dict):
        got = "nothing" if document is None else type(document).__name__
        raise SpecError(f"expected fields and values in {path}, got {got}; see data/documents")
    return document


def parse_document(content: bytes, where: str) -> Any:
    """What the YAML in `content` says, or the JSON if `where` ends so.

    Raises:
        SpecError: if it is neither, with the place.
    """
    kind = "JSON" if where.lower().endswith(".json") else "YAML"
    try:
        text = content.decode("utf-8-sig")
        if kind == "JSON":
            return json.loads(text, object_pairs_hook=_fields_once, parse_constant=_refuse_constant)
        return yaml.load(text, Loader=_Reader)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem, place = f"a byte that is no UTF-8 (0x{content[error.start]:02x})", f"line {line}"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"{error.problem or error.context}"
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        problem, place = f"the character U+{error.character:04X}, which is not allowed", f"line {line}"
    except json.JSONDecodeError as error:
        problem, place = error.msg, f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem, place = "values nested too deeply", "the file"
    except Exception as error:  # what the parsers make of odd numbers, characters and tags
        problem, place = str(error), "the file"
    raise SpecError(f"expected {kind} in {where}, got {shown(problem, 300)} ({place}); mend it there")


def checked(kind: type[Model], document: Any, what: str) -> Model:
    """`document` as a `kind`; errors call it `what`.

    Raises:
        SpecError: naming every field that is wrong, what was expected and what was got.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise SpecError(f"{what} cannot be used: {_problems(error, what.rpartition(' ')[2])}") from None


def completed_by(default: BaseModel) -> BeforeValidator:
    """For a field of a document: what is left out there is as in `default`, part by part."""
    whole = default.model_dump()
    return BeforeValidator(lambda given: completed(whole, given) if isinstance(given, Mapping) else given)


def _problems(error: ValidationError, whole: str) -> str:
    problems = []
    for detail in error.errors(include_url=False):
        where = ".".join(str(part) for part in detail["loc"])
        match detail["type"]:
            case "default_factory_not_called":  # for what is wrong with another field
                continue
            case "value_error":
                problem = detail["msg"].removeprefix("Value error, ")
            case "extra_forbidden":
                problem = f"expected a field of the {whole}, got one it does not know; check the spelling or remove it"
            case "missing":
                problem = "expected a value, got none; add the field"
            case "string_type" if isinstance(detail["input"], (bool, int, float)):
                problem = f"expected text, got {detail['input']!r:.80}; put it in quotes, or write it in a text column"
            case _:
                problem = f"{detail['msg'].lower()}, got {detail['input']!r:.80}"
        problems.append(f"{where}: {problem}" if where else problem)
    return shown("; ".join(problems))


def _fields_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} twice")
    return fields


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant}, which is no number of JSON")


class _Reader(yaml.SafeLoader):
    """PyYAML's safe loader, but for what the module's first lines say."""

    _depth = 0
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    yaml_constructors = {**yaml.SafeLoader.yaml_constructors, _TIMESTAMP: yaml.SafeLoader.construct_yaml_str}

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        _measure(node, {})
        return self.construct_document(node)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self._depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, "values nested too deeply", self.get_mark())
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # `0x`, `!!int x`, …
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        _refuse_keys(node)  # before `<<` brings in others, which may stand twice
        super().flatten_mapping(node)


def _refuse_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == _MERGE:
            continue
        if key.tag != _STRING:
            written = key.value if isinstance(key, yaml.ScalarNode) else "a list or fields"
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {written or 'null'!r}, which is no text", key.start_mark
            )
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} twice", key.start_mark)
        seen.add(key.value)


def _measure(node: yaml.Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values there are in `node`, and how deeply nested, with its aliases written out."""
    if id(node) in known:
        if known[id(node)] == _UNDER_WAY:
            raise yaml.constructor.ConstructorError(None, None, "an alias of what it stands in", node.start_mark)
        return known[id(node)]
    known[id(node)] = _UNDER_WAY
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    size, depth = 1, 1
    for part in parts:
        of_part = _measure(part, known)
        size, depth = size + of_part[0], max(depth, 1 + of_part[1])
    if size > MAX_VALUES or depth > MAX_DEPTH:
        problem = f"{size} values, nested {depth} times, with its aliases written out"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    known[id(node)] = size, depth
    return size, depth
