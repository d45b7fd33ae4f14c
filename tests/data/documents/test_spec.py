import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from data.documents import defaults
from data.documents.of_base import candidate_sampling_of
from data.documents.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from data.documents.spec import read_spec
from data.documents.style_spec import StyleSpec, parse_spec
from data.errors import SpecError
from styledrop.config.defaults import AMUSED, PAPER
from styledrop.config.tuning import RATES, AdapterTuning, as_method

REFERENCE = {"uri": "cat.png", "content_phrase": "a cat", "style_phrase": "in watercolor style"}
MINIMAL: dict[str, Any] = {"name": "watercolor", "references": [REFERENCE], "licence": "CC0-1.0", "consent": "own work"}


def test_a_spec_needs_only_a_name_a_reference_and_the_right_to_use_it() -> None:
    spec = parse_spec({**MINIMAL, "prompts": ["a dog"], "evaluation_prompts": ["a fish"]})
    assert spec.rounds == 2
    assert spec.tuning(1) == spec.first_round
    assert spec.tuning(2) == spec.tuning(3) == spec.later_rounds
    assert spec.style_phrase == "in watercolor style"


def test_what_a_section_leaves_out_is_as_in_its_default() -> None:
    spec = parse_spec({**MINIMAL, "later_rounds": {"steps": 7}, "candidate_sampling": {"lambda_b": 2}})
    assert spec.later_rounds == defaults.OF_EMBEDDED.later_rounds.model_copy(update={"steps": 7})
    assert (spec.candidate_sampling.steps, spec.candidate_sampling.lambda_b) == (
        defaults.OF_EMBEDDED.sampling.steps,
        2.0,
    )


def test_candidates_are_drawn_at_a_lambda_b_of_their_own_where_the_base_has_one() -> None:
    spec, of_base = parse_spec(MINIMAL), defaults.OF_EMBEDDED
    assert spec.candidate_sampling.lambda_b == of_base.candidate_lambda_b != of_base.guidance.lambda_b
    assert spec.evaluation_sampling.lambda_b == of_base.guidance.lambda_b
    assert candidate_sampling_of(PAPER).lambda_b == PAPER.guidance.lambda_b


def test_forms_describe_settings_in_the_librarys_words() -> None:
    of_spec, of_library = StyleSpec.model_json_schema()["$defs"], AdapterTuning.model_json_schema()
    assert of_spec["AdapterTuning"] == of_library
    assert of_library["properties"]["steps"]["description"] == "Optimizer steps; the paper: 1000."
    assert all("description" in field for part in of_spec.values() for field in part["properties"].values())


def test_a_spec_survives_json() -> None:
    spec = parse_spec(MINIMAL)
    assert StyleSpec.model_validate_json(spec.model_dump_json()) == spec


def test_default_prompts_of_candidates_and_evaluation_have_nothing_in_common() -> None:
    spec = parse_spec({**MINIMAL, "references": [{**REFERENCE, "content_phrase": "a lighthouse"}]})
    assert (len(spec.prompts), len(spec.evaluation_prompts)) == (30, 20)
    assert not set(spec.prompts) & set(spec.evaluation_prompts)


@pytest.mark.parametrize("content", ["moon", "The Moon", "ＭＯＯＮ", "a moon"])
def test_our_own_lists_leave_the_references_content_out(content: str) -> None:
    spec = parse_spec({**MINIMAL, "references": [{**REFERENCE, "content_phrase": content}]})
    assert spec.prompts == CANDIDATE_PROMPTS
    assert spec.evaluation_prompts == tuple(one for one in FEW_EVALUATION_PROMPTS if one != "moon")
    assert parse_spec(spec.model_dump(mode="json")) == spec
    house = parse_spec({**MINIMAL, "references": [{**REFERENCE, "content_phrase": "a House"}]})
    assert house.prompts == CANDIDATE_PROMPTS[1:]


def test_our_own_list_gives_way_to_one_that_is_written() -> None:
    assert "tree" not in parse_spec({**MINIMAL, "prompts": ["Tree", "dog"]}).evaluation_prompts
    assert "house" not in parse_spec({**MINIMAL, "evaluation_prompts": ["a house"]}).prompts


def test_a_spec_whose_phrases_are_said_later_is_the_one_that_they_are_written_in() -> None:
    given, bare = {**REFERENCE, "content_phrase": "the moon"}, {"uri": "cat.png"}
    spec = parse_spec({**MINIMAL, "references": [bare, {**bare, "content_phrase": "the moon"}, bare]})
    assert (spec.phrases_left_out, spec.style_phrase, spec.reference_contents) == ((1, 3, 0), "", {"the moon"})
    written = {**MINIMAL, "references": [{**REFERENCE, "content_phrase": "car"}, given, {**REFERENCE}]}
    for asked in (spec, parse_spec(spec.model_dump(mode="json"))):  # a deployment's run gets all fields
        assert asked.with_phrases(["car", "a cat", "in watercolor  style"]) == parse_spec(written)
    with pytest.raises(SpecError, match=r"references\.2\.content_phrase: expected a phrase, got '\.' alone"):
        spec.with_phrases(["car", ".", "in ink"])
    own = parse_spec(
        {**MINIMAL, "references": [{**REFERENCE, "content_phrase": None}], "evaluation_prompts": ["a fish"]}
    )
    assert own.phrases_left_out == (1,)
    with pytest.raises(SpecError, match=r"evaluation_prompts: expected none .* got \['a fish'\]"):
        own.with_phrases(["Fish"])


def test_a_style_phrase_of_one_reference_is_that_of_all() -> None:
    spec = parse_spec({**MINIMAL, "references": [{"uri": "a.png", "content_phrase": "car"}, REFERENCE]})
    assert (spec.phrases_left_out, spec.reference_words[0]) == ((), ("car", "in watercolor style"))


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
        ({"feedback": "cat"}, r"feedback: .*'clip', 'clip_sum', 'human', 'hybrid' or 'random', got 'cat'"),
        ({"rounds": 0}, r"rounds: .*greater than or equal to 1, got 0"),
        ({"prompts": ["a dog", "a  dog"]}, r"prompts: expected each phrase once, got \['a dog'\]"),
        ({"prompts": []}, r"prompts: expected 1 to 1000 content phrases, got 0"),
        (
            {"images_per_prompt": 1000},
            r"expected at most 20000 candidates a round, got 29 prompts x 1000 images = 29000",
        ),
        ({"kept_per_prompt": 9}, r"kept_per_prompt: expected at most images_per_prompt = 8, got 9"),
        ({"evaluation_prompts": ["a cat", "a moose"]}, r"evaluation_prompts: expected none .* got \['a cat'\]"),
        ({"evaluation_prompts": ["The Cat."]}, r"evaluation_prompts: expected none .* got \['The Cat\.'\]"),
        ({"evaluation_prompts": ["ｃａｔ"]}, r"evaluation_prompts: expected none"),
        ({"prompts": ["Moose"], "evaluation_prompts": ["a moose"]}, r"evaluation_prompts: .* got \['a moose'\]"),
        (
            {"prompts": list(FEW_EVALUATION_PROMPTS), "evaluation_prompts": ["a moose"], "rounds": 0},
            r"rounds: .* got 0",
        ),
        ({"prompts": list(FEW_EVALUATION_PROMPTS)}, r"evaluation_prompts: expected phrases of your own"),
        (
            {"references": [REFERENCE, {**REFERENCE, "style_phrase": "in oil style"}]},
            r"same style_phrase for all references, got \['in watercolor style', 'in oil style'\]",
        ),
        ({"feedback": "human", "rounds": 1}, r"rounds: expected at least 2 with feedback 'human', got 1"),
        ({"feedback": "hybrid", "rounds": 1}, r"rounds: expected at least 2 with feedback 'hybrid', got 1"),
        ({"name": "a\0"}, r"name: expected 1 to 64 .* got 'a\\x00'"),
        ({"licence": "CC0\u200b"}, r"licence: .* got U\+200B ZERO WIDTH SPACE"),
        ({"prompts": ["a dog\0"]}, r"prompts\.0: .* got U\+0000 a control character"),
        ({"references": [{**REFERENCE, "style_phrase": "in\u202e style"}]}, r"style_phrase: .* got U\+202E"),
        ({"candidate_sampling": {"negative_prompt": "a\x07"}}, r"negative_prompt: .* got U\+0007"),
        ({"references": [{**REFERENCE, "uri": "s::x"}]}, r"references\.0\.uri: .* a chain of them in 's::x'"),
        ({"references": [{**REFERENCE, "uri": "a\0.png"}]}, r"references\.0\.uri: .* control characters"),
        ({"store": "nosuch://x"}, r"store: .* got 'nosuch://x'"),
        ({"store": ""}, r"store: .* got an empty one"),
        ({"base": "C:\\base"}, r"base: .* of Windows"),
        ({"consent": 5}, r"consent: expected text, got 5; put it in quotes"),
        ({"name": 2024}, r"name: expected text, got 2024; put it in quotes"),
        ({"consent": "N/A"}, r"consent: expected a statement, got 'N/A', which says nothing"),
        ({"licence": "nan"}, r"licence: expected a statement, got 'nan'"),
        ({"prompts": ["..."]}, r"prompts\.0: expected a phrase, got '\.\.\.' alone"),
        ({"rounds": True}, r"rounds: expected a number, got True; write it in digits"),
        ({"first_round": {"learning_rate": True}}, r"learning_rate: expected a number, got True"),
        ({"candidate_sampling": {"lambda_a": False}}, r"lambda_a: expected a number, got False"),
        ({"candidate_sampling": {"lambda_a": float("nan")}}, r"candidate_sampling\.lambda_a: .* got nan"),
        (
            {"first_round": {"steps": 0, "learning_rate": 1, "bottleneck": 4, "share_across_layers": True}},
            r"first_round\.adapter\.steps: .*got 0",
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
    first, second = read_spec(tmp_path / "spec.yaml", StyleSpec).references
    assert first.uri == str(tmp_path / "images" / "cat.png")
    assert second.uri == "s3://bucket/cat.png"


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("~/a.png", "HOME/a.png"),
        ("file:///x/a%20b.png", "/x/a b.png"),
        ("S3://bucket/a.png", "s3://bucket/a.png"),
        ("a%20b.png", "FOLDER/a%20b.png"),
    ],
)
def test_an_address_in_a_spec_is_the_place_that_is_meant(
    uri: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    document = {**MINIMAL, "references": [{**REFERENCE, "uri": uri}]}
    (tmp_path / "spec.json").write_text(json.dumps(document))
    [reference] = read_spec(tmp_path / "spec.json", StyleSpec).references
    assert reference.uri == place.replace("HOME", "/home/anna").replace("FOLDER", str(tmp_path))


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
        read_spec(tmp_path / "spec.yaml", StyleSpec)


@pytest.mark.parametrize("method", ["lora", "soft_prompt", "whole"])
def test_another_method_is_tuned_as_long_as_the_adapter_at_a_rate_of_its_own(method: str) -> None:
    shortest = parse_spec({**MINIMAL, "first_round": method, "later_rounds": {"method": method, "steps": 7}})
    assert shortest.first_round == as_method(defaults.OF_EMBEDDED.first_round, method)
    assert shortest.first_round.steps == defaults.OF_EMBEDDED.first_round.steps
    assert shortest.first_round.learning_rate == RATES[method] * defaults.OF_EMBEDDED.first_round.learning_rate
    assert shortest.later_rounds == as_method(defaults.OF_EMBEDDED.later_rounds, method).model_copy(update={"steps": 7})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("magic", "input tag 'magic' .* 'adapter', 'lora', 'soft_prompt', 'whole'"),
        ({"method": ["lora"]}, "first_round: "),
        ({"method": "lora", "bottleneck": 4}, r"first_round\.lora\.bottleneck: .*one it does not know"),
    ],
)
def test_what_no_method_has_is_refused(given: object, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_spec({**MINIMAL, "first_round": given})


@pytest.mark.parametrize(("given", "is_valid"), [({"steps": 3}, True), ("lora", True), ("magic", False)])
def test_a_form_takes_what_a_spec_takes(given: object, is_valid: bool) -> None:
    schema = Draft202012Validator(StyleSpec.model_json_schema())
    assert schema.is_valid({**MINIMAL, "first_round": given}) == is_valid


def test_what_a_document_leaves_out_follows_its_base(tmp_path: Path) -> None:
    amused = tmp_path / "amused-256"
    (amused / "transformer").mkdir(parents=True)
    shape = {"hidden_size": 1024, "num_hidden_layers": 22, "codebook_size": 8192, "sample_size": 16}
    (amused / "transformer" / "config.json").write_text(json.dumps(shape))
    public = {**MINIMAL, "base": str(amused)}
    ours, theirs = parse_spec(MINIMAL), parse_spec({**public, "first_round": {"steps": 7}})
    assert (ours.reference_views, theirs.reference_views) == (defaults.OF_EMBEDDED.reference_views, 1)
    assert theirs.first_round == AMUSED.first_round.model_copy(update={"steps": 7})
    assert theirs.later_rounds == AMUSED.later_rounds
    for drawn in (theirs.candidate_sampling, theirs.evaluation_sampling):
        assert (drawn.steps, drawn.temperature, drawn.lambda_b) == (12, (2.0, 0.0), AMUSED.guidance.lambda_b)
    # Read again as it was written, even where the base is gone.
    assert parse_spec({**theirs.model_dump(mode="json"), "base": "gone"}).later_rounds == AMUSED.later_rounds
    assert parse_spec({**MINIMAL, "base": "s3://bucket/base"}).later_rounds == PAPER.later_rounds

    (amused / "card.json").write_text('{"defaults": {"reference_views": 0}}')
    with pytest.raises(SpecError, match=r"card\.json: its defaults cannot be used"):
        parse_spec(public)
