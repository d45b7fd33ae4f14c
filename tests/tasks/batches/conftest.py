from pathlib import Path
from typing import Any

import pytest
import yaml

from data.documents.spec import StyleSettings


@pytest.fixture
def settings(spec_document: dict[str, Any]) -> StyleSettings:
    return StyleSettings.model_validate(
        {name: value for name, value in spec_document.items() if name in StyleSettings.model_fields}
    )


@pytest.fixture
def manifest(tmp_path: Path, spec_document: dict[str, Any]) -> Path:
    [reference] = spec_document["references"]
    row = {
        "images": reference["uri"],
        **{name: reference[name] for name in ("content_phrase", "style_phrase")},
        **{name: spec_document[name] for name in ("licence", "consent")},
    }
    rows = [{**row, "name": "lost", "images": "lost.png"}, {**row, "name": "disc"}, {**row, "name": "ball", "seed": 1}]
    (tmp_path / "Monday's batch.yaml").write_text(yaml.safe_dump(rows))
    return tmp_path / "Monday's batch.yaml"
