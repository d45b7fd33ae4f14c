from typing import Any

import pytest

from data.documents.style_spec import parse_spec
from data.records.onboarding import Run
from tasks.onboarding.prepare import prepare


@pytest.fixture
def run(spec_document: dict[str, Any]) -> Run:
    return prepare.fn(parse_spec(spec_document))


@pytest.fixture
def human_run(spec_document: dict[str, Any]) -> Run:
    return prepare.fn(parse_spec({**spec_document, "feedback": "human"}))
