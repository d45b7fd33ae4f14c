"""Addresses are found wherever they stand in a document, and none is forgotten."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from data.documents.requests import EvaluateRequest, GenerateRequest
from data.documents.style_spec import StyleSpec
from data.documents.subject_spec import SubjectSpec
from data.errors import SpecError
from flows.onboard_batch import onboard_batch
from flows.rebuild_styles import rebuild_styles
from tasks.deployment import ADDRESSES, refuse_relative_addresses

WORDS = {
    "class_word", "consent", "content", "content_phrase", "folder", "licence", "name", "negative_prompt", "rare_token",
    "style_phrase",
}  # fmt: skip
"""Texts that are no addresses; a folder is a name in the store."""


def texts(schema: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a JSON schema, and of the models in it, that take any text."""
    for name, field in schema["properties"].items():
        if any(one.get("type") == "string" and not {"enum", "const"} & {*one} for one in field.get("anyOf", [field])):
            yield name
    for model in schema.get("$defs", {}).values():
        yield from texts(model) if "properties" in model else ()


def test_every_text_that_people_write_is_known_as_words_or_as_an_address() -> None:
    of_documents = [one.model_json_schema() for one in (StyleSpec, SubjectSpec, GenerateRequest, EvaluateRequest)]
    of_flows = [flow.parameters.model_dump() for flow in (onboard_batch, rebuild_styles)]
    assert {name for schema in (*of_documents, *of_flows) for name in texts(schema)} == WORDS | ADDRESSES


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ({"style": "ink"}, "style 'ink'"),
        ({"style": [{"style": "/ink"}, {"style": "~/oil"}]}, "style.1.style '~/oil'"),
        ({"prompts": ["a", {"content": "b", "style": "ink"}]}, "prompts.1.style 'ink'"),
        ({"prompts": ["a", {"content": "b", "style": [{"style": "ink"}]}]}, "prompts.1.style.0.style 'ink'"),
        ({"subject": "pot", "scorer": "clip"}, "scorer 'clip', subject 'pot'"),
    ],
    ids=str,
)
def test_a_relative_address_is_found_wherever_it_stands(
    change: dict[str, Any], got: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"store": "/store", "base": "embedded", "style": "s3://styles/ink", "folder": "sea", "prompts": ["a"]}
    fine = GenerateRequest.model_validate(document)
    asked = GenerateRequest.model_validate({**document, **change})
    refuse_relative_addresses(asked)  # in a terminal
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "11111111-1111-1111-1111-111111111111")
    refuse_relative_addresses(fine)
    with pytest.raises(SpecError, match=f"one place on every worker .* got {got}; a relative one"):
        refuse_relative_addresses(asked)
