from typing import Any

import pytest

from data.records import Run
from data.spec import parse_spec
from tasks.prepare import prepare


@pytest.fixture
def run(spec_document: dict[str, Any]) -> Run:
    return prepare.fn(parse_spec(spec_document))
