"""Writes docs/reference.md from the models, flows and parsers themselves.

    python -m docs.reference > docs/reference.md

A field's words are those of its model, which Prefect's forms show too; a command's are those of its `--help`.
"""

import argparse
import importlib
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import BaseModel

from data.documents.pretrain_spec import PretrainSpec
from data.documents.requests import EvaluateRequest, GenerateRequest
from data.documents.style_spec import StyleSpec
from data.documents.subject_spec import SubjectSpec
from flows.onboard_batch import onboard_batch
from flows.rebuild_styles import rebuild_styles

COMMANDS = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]["scripts"]
DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "Spec of a style": StyleSpec,
    "Spec of a subject": SubjectSpec,
    "Request for images": GenerateRequest,
    "Request for scores": EvaluateRequest,
    "Settings of pretraining": PretrainSpec,
}
VARIABLES = (
    "tasks.machine", "tasks.workers", "tasks.training_log", "tasks.resuming", "data.keys", "data.addresses",
    "review.links",
)  # fmt: skip
"""Modules whose first lines name variables of the environment."""

LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
WORDS = {"string": "text", "boolean": "`true`, `false`", "null": "nothing", "object": "fields"}


def commands() -> Iterator[str]:
    """The help of every command and of its actions."""
    for place in COMMANDS.values():
        module, _, function = place.partition(":")
        kept = patch.object(argparse.ArgumentParser, "parse_args", autospec=True, side_effect=SystemExit)
        with kept as asked, suppress(SystemExit):
            getattr(importlib.import_module(module), function)()
        parser = asked.call_args.args[0]
        subparsers = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        parsers = [parser, *(part for one in subparsers for part in one.choices.values())]
        helps = "\n\n".join(part.format_help().strip() for part in parsers)
        yield f"### `{parser.prog}`\n\n```text\n{helps}\n```"


def fields(schema: Mapping[str, Any], defaults: Mapping[str, Any], parts: dict[str, None]) -> str:
    """A table of the fields of a JSON schema; the models that it names join `parts` in their order."""
    rows = [("field", "value", "default", ""), ("---",) * 4]
    for name, field in schema["properties"].items():
        default = shown(defaults.get(name, field.get("default")))
        is_required = name in schema.get("required", ())
        meaning = " ".join(field.get("description", "").split())
        rows.append((f"`{name}`", kind(field, parts), "required" if is_required else default, meaning))
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)


def kind(field: Mapping[str, Any], parts: dict[str, None]) -> str:
    """What a field takes, in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        parts.setdefault(name)
        return f"[{name}](#{name.lower()})"
    if "enum" in field or "const" in field:
        return ", ".join(f"`{one}`" for one in field.get("enum", [field.get("const")]))
    if several := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(one, parts) for one in several))
    if "prefixItems" in field:
        return f"({', '.join(kind(one, parts) for one in field['prefixItems'])})"
    if field.get("type") == "array":
        return f"list of {kind(field['items'], parts)}"
    limits = [f"{sign} {field[limit]}" for limit, sign in LIMITS.items() if limit in field]
    return " ".join([WORDS.get(field.get("type", "object"), field.get("type", "object")), *limits])


def shown(default: object) -> str:
    """A default as one writes it, long lists cut; a whole section has a table of its own."""
    if isinstance(default, BaseModel):
        changed = default.model_dump(mode="json", exclude_defaults=True)
        if "schedule" in changed:
            return "as in data/documents/pretraining.yaml"
        return ", ".join(f"{name}: {shown(value)}" for name, value in changed.items()) or "its own"
    if isinstance(default, dict) and len(default) > 4:
        return "its own defaults"
    if isinstance(default, list | tuple) and len(default) > 4:
        return f"{', '.join(map(str, default[:3]))}, … ({len(default)})"
    return "left out" if default is None or default in ("", (), []) else json.dumps(default).strip('"')


def documents() -> Iterator[str]:
    """A table for each document, then one for each model that these name, once."""
    parts: dict[str, None] = {}
    schemas = {title: model.model_json_schema() for title, model in DOCUMENTS.items()}
    known = {name: part for schema in schemas.values() for name, part in schema.get("$defs", {}).items()}
    for title, schema in schemas.items():
        own = DOCUMENTS[title].model_fields.items()
        # Of what follows from the base, those of the embedded one.
        defaults = {
            name: field.get_default(call_default_factory=True, validated_data={})
            for name, field in own
            if not field.is_required()
        }
        yield f"### {title}\n\n{fields(schema, defaults, parts)}"
    told: set[str] = set()
    while waiting := [name for name in parts if name not in told]:
        told.add(name := waiting[0])
        yield f"#### {name}\n\n{known[name].get('description', '')}\n\n{fields(known[name], {}, parts)}"


def block(module: str, word: str) -> str:
    """The indented block of a module's first lines that has `word` in it."""
    blocks: list[str] = re.findall(r"(?:^ {4}.*\n?)+", importlib.import_module(module).__doc__ or "", re.M)
    return next(one for one in blocks if word in one).rstrip()


def page() -> str:
    """The whole page."""
    os.environ["COLUMNS"] = "100"
    variables = "\n".join(block(name, "STYLEDROP_") for name in VARIABLES)
    sections = [
        "# Reference",
        "Written by `python -m docs.reference` from the code; change it there. Fields of documents are YAML or JSON.",
        "## Documents",
        *documents(),
        f"### Manifest of a batch\n\n```text\n{block('data.documents.manifest', 'images')}\n```\n\n"
        "Every other column is a field of a style's spec.",
        "## Deployed flows",
        "`onboard-style`, `onboard-subject`, `generate` and `evaluate` take `spec` or `request`, as above. These take:",
        *(
            f"### `{flow.name}`\n\n{flow.description}\n\n{fields(flow.parameters.model_dump(), {}, {})}"
            for flow in (onboard_batch, rebuild_styles)
        ),
        "## Commands",
        *commands(),
        f"## Variables of the environment\n\n```text\n{variables}\n```",
    ]
    return "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
