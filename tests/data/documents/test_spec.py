from pathlib import Path
from typing import Any

import pytest

from data.documents.spec import StyleSpec, parse_spec, read_spec
from data.errors import SpecError

REFERENCE = {"uri": "cat.png", "content_phrase": "a cat", "style_phrase": "in watercolor style"}
MINIMAL: dict[str, Any] = {"name": "watercolor", "references": [REFERENCE], "licence": "CC0-1.0", "consent": "own work"}


def test_a_spec_needs_only_a_name_a_reference_and_the_right_to_use_it() -> None:
    spec = parse_spec({**MINIMAL, "prompts": ["a dog"], "evaluation_prompts": ["a fish"]})
    assert spec.rounds == 2
    assert spec.tuning(1) == spec.first_round
    assert spec.tuning(2) == spec.tuning(3) == spec.later_rounds
    assert spec.style_phrase == "in watercolor style"


def test_a_spec_survives_json() -> None:
    spec = parse_spec(MINIMAL)
    assert StyleSpec.model_validate_json(spec.model_dump_json()) == spec


def test_default_prompts_of_candidates_and_evaluation_have_nothing_in_common() -> None:
    spec = parse_spec(MINIMAL)
    assert len(spec.prompts) == 30
    assert not set(spec.prompts) & set(spec.evaluation_prompts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nane": "x"}, r"nane: expected a field of the spec, got one it does not know"),
        ({"name": "Not A Slug"}, r"name: expected 1 to 64 characters a-z and 0-9.*got 'Not A Slug'"),
        ({"name": "../up"}, r"name: expected .*got '\.\./up'"),
        ({"references": []}, r"references: expected 1 to 16 style references, got 0"),
        ({"references": [REFERENCE] * 17}, r"expected 1 to 16 style references, got 17"),
        (
            {"references": [{**REFERENCE, "content_phrase": " "}]},
            r"references\.0\.content_phrase: expected a phrase, got an empty",
        ),
        ({"references": [{**REFERENCE, "style_phrase": "x" * 301}]}, r"expected at most 300 characters, got 301"),
        ({"references": [{**REFERENCE, "fit": "stretch"}]}, r"references\.0\.fit: .*'crop' or 'pad', got 'stretch'"),
        ({"licence": ""}, r"licence: expected a phrase, got an empty one"),
        ({"feedback": "cat"}, r"feedback: .*'clip', 'human', 'hybrid' or 'random', got 'cat'"),
        ({"rounds": 0}, r"rounds: .*greater than or equal to 1, got 0"),
        ({"prompts": ["a dog", "a  dog"]}, r"prompts: expected every phrase once, got \['a dog'\]"),
        ({"prompts": []}, r"prompts: expected 1 to 1000 content phrases, got 0"),
        (
            {"images_per_prompt": 1000},
            r"expected at most 20000 candidates a round, got 30 prompts x 1000 images = 30000",
        ),
        ({"kept_per_prompt": 9}, r"kept_per_prompt: expected at most images_per_prompt = 8, got 9"),
        ({"evaluation_prompts": ["a cat", "a moose"]}, r"evaluation_prompts: expected none .* got \['a cat'\]"),
        (
            {"first_round": {"steps": 0, "learning_rate": 1, "bottleneck": 4, "share_across_layers": True}},
            r"first_round\.steps: .*got 0",
        ),
        ({"seed": "x"}, r"seed: .*got 'x'"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected_and_got(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_spec({**MINIMAL, **change})


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(
        SpecError, match=r"name: .*; consent: expected a value, got none; add the field; rounds: .*got 0"
    ):
        parse_spec({"name": "X", "references": [REFERENCE], "licence": "CC0-1.0", "rounds": 0})


def test_paths_of_references_are_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        """
        name: watercolor
        licence: CC0-1.0
        consent: own work
        references:
          - {uri: images/cat.png, content_phrase: a cat, style_phrase: in watercolor style}
          - {uri: "s3://bucket/cat.png", content_phrase: a cat, style_phrase: in watercolor style}
        """
    )
    first, second = read_spec(tmp_path / "spec.yaml").references
    assert first.uri == str(tmp_path / "images" / "cat.png")
    assert second.uri == "s3://bucket/cat.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "expected YAML in"),
        ("- a", "expected fields and values in .*, got list"),
        (None, "expected a spec at .*No such file"),
    ],
)
def test_a_file_that_is_no_spec_says_so(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(SpecError, match=message):
        read_spec(tmp_path / "spec.yaml")
