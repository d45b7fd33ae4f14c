from pathlib import Path

import pytest

from data.documents.requests import EvaluateRequest, GenerateRequest, read_request
from data.documents.spec import read_spec
from data.documents.style_spec import StyleSpec
from data.errors import SpecError

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_examples_ask_for_what_the_demo_publishes() -> None:
    demo = read_spec(EXAMPLES / "demo.yaml", StyleSpec)
    published = f"{demo.store}/styles/{demo.name}"
    generate = read_request(EXAMPLES / "generate.yaml", GenerateRequest)
    evaluate = read_request(EXAMPLES / "evaluate.yaml", EvaluateRequest)
    assert generate.style == evaluate.style == published
    tuned_on = {*demo.prompts, *(reference.content_phrase for reference in demo.references)}
    assert not tuned_on & set(evaluate.prompts)


def test_every_field_explains_itself() -> None:
    for kind in (GenerateRequest, EvaluateRequest):
        for name, field in kind.model_json_schema()["properties"].items():
            assert field.get("description"), (kind, name)


@pytest.mark.parametrize(
    ("kind", "rest"), [(GenerateRequest, ", folder: out"), (EvaluateRequest, ", style: file:///styles/a")]
)
def test_more_images_than_anybody_looks_at_are_refused(
    tmp_path: Path, kind: type[GenerateRequest] | type[EvaluateRequest], rest: str
) -> None:
    path = tmp_path / "request.yaml"
    path.write_text(f"{{prompts: [{', '.join(f'p{i}' for i in range(20))}], images_per_prompt: 1001{rest}}}")
    with pytest.raises(SpecError, match="images_per_prompt: expected at most 20000 images, got 20 prompts x 1001"):
        read_request(path, kind)


def test_every_wrong_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "request.yaml"
    path.write_text("{prompts: [a cat, a  cat], folder: No Slug, more: 1}")
    with pytest.raises(SpecError, match=r"prompts: .*\['a cat'\].*folder: expected 1 to 64 .*'No Slug'.*more: "):
        read_request(path, GenerateRequest)
    path.write_text("prompts: [")
    with pytest.raises(SpecError, match=rf"expected YAML in {path}, got .* \(line 1, column 11\)"):
        read_request(path, GenerateRequest)
