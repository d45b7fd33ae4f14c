"""Generating with several styles: in one picture, each prompt in its own, and in words that are edited."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import styledrop
from data.documents.requests import GenerateRequest, StyledPrompt, WeightedStyle, read_request
from data.documents.style_spec import parse_spec
from data.errors import SpecError
from data.records.onboarding import PublishedAdapter
from data.records.scores import EvaluationRecord, GuidanceRecord
from data.store.files import Store
from flows.generate import generate
from tasks.models import open_base
from tasks.onboarding.evaluate import evaluate_round
from tasks.onboarding.prepare import prepare
from tasks.onboarding.publish import publish
from tasks.onboarding.tune import tokenize, tune
from tests.published_adapter import load_published

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = ("mixture", "style_per_prompt", "styles_together", "style_editing", "negative_prompt", "generate")
PHRASES = {
    "demo": "in cartoon emoji with dark outline and ground shadow style",
    "navy": "in angular navy outline icon with pale blue facets style",
}
LAMBDAS_A = {"demo": 1.5, "navy": 0.5}

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def published(spec_document: dict[str, Any]) -> dict[str, PublishedAdapter]:
    """The two styles of the examples, on the tiny base."""

    def publish_style(name: str, phrase: str, seed: int) -> PublishedAdapter:
        [reference] = spec_document["references"]
        settings = {**spec_document["first_round"], "learning_rate": 1.0}  # three steps show in the images
        changes = {"name": name, "seed": seed, "references": [{**reference, "style_phrase": phrase}]}
        run = prepare.fn(parse_spec({**spec_document, **changes, "first_round": settings}))
        adapter = tune.fn(run, 1, tokenize.fn(run))
        sheet = Store(run.store).write_blob("sheets", ".png", b"image")
        rounds = (evaluate_round.fn(run, None), evaluate_round.fn(run, adapter))
        evaluation = EvaluationRecord(rounds=rounds, leaks=(None,), contact_sheet=sheet)
        guidance = GuidanceRecord(lambda_a=LAMBDAS_A[name], tried=())
        return publish.fn(run, [adapter], [], guidance, evaluation, None, None)

    return {name: publish_style(name, phrase, seed) for seed, (name, phrase) in enumerate(PHRASES.items())}


@pytest.fixture
def changes(tmp_path: Path, tiny_base_folder: Path) -> dict[str, Any]:
    return {"store": f"file://{tmp_path}/images", "base": str(tiny_base_folder), "sampling": {"steps": 2}}


def rows_of(request: GenerateRequest) -> list[dict[str, Any]]:
    generated = generate(request)
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(Store(request.store).read_blob(generated.table))).to_pylist()
    return rows


def test_one_request_mixes_styles_gives_prompts_their_own_and_moves_away_from_words(
    published: dict[str, PublishedAdapter], changes: dict[str, Any]
) -> None:
    demo, navy = (one.uri for one in published.values())
    request = GenerateRequest.model_validate(
        {
            **changes,
            "style": demo,
            "prompts": [
                "a fish",
                {"content": "a fish", "style": navy},
                {"content": "a fish", "style": [{"style": demo, "weight": 0.25}, {"style": navy, "weight": 0.75}]},
                {"content": "a fish", "without": ["and ground shadow"]},
            ],
            "images_per_prompt": 2,
            "sampling": {"steps": 2, "negative_prompt": "dark ground"},
            "folder": "all",
        }
    )
    rows = rows_of(request)
    assert [row["prompt"] for row in rows[::2]] == [
        f"a fish {PHRASES['demo']}",
        f"a fish {PHRASES['navy']}",
        f"a fish {PHRASES['navy']}",  # of the larger weight
        "a fish in cartoon emoji with dark outline style",
    ]
    assert len({row["seed"] for row in rows}) == 2  # one for each image of a content, whatever its style

    base = open_base(request.base)
    adapters = [load_published(uri, request.base) for uri in (demo, navy)]
    mixture = styledrop.Mixture([(adapters[0], 0.25), (adapters[1], 0.75)])
    wanted = zip((adapters[0], adapters[1], mixture, adapters[0]), (1.5, 0.5, 0.75, 1.5), strict=True)
    for number, (style, lambda_a) in enumerate(wanted):
        again = styledrop.sample(
            base, [rows[2 * number]["prompt"]] * 2, seeds=[row["seed"] for row in rows[:2]], style=style,
            guidance=styledrop.Guidance(lambda_a=lambda_a, lambda_b=request.sampling.lambda_b),
            config=styledrop.SamplingConfig(
                steps=2, temperature=request.sampling.temperature, token_temperature=request.sampling.token_temperature
            ),
            negative_prompt="dark ground",
        )  # fmt: skip
        assert again.tokens.tolist() == [row["tokens"] for row in rows[2 * number : 2 * number + 2]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, published: dict[str, PublishedAdapter], changes: dict[str, Any]) -> None:
    path = REPOSITORY / "examples" / f"{name}.yaml"
    written = json.dumps(read_request(path, GenerateRequest).model_dump(mode="json"))
    for style, version in published.items():
        written = written.replace(f"demo-output/styles/{style}", version.uri)
    asked = json.loads(written)
    sampling = {**asked["sampling"], **changes["sampling"]}
    request = GenerateRequest.model_validate({**asked, **changes, "sampling": sampling, "images_per_prompt": 1})
    assert len(rows_of(request)) == len(request.prompts)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"without": ["in gold"]}, "words of 'in cartoon emoji .*' to leave out, got 'in gold'"),
        ({"without": [PHRASES["demo"]]}, "got all of it to leave out; keep a word"),
    ],
)
def test_words_that_cannot_be_left_out_are_named(
    asked: dict[str, Any], words: str, published: dict[str, PublishedAdapter], changes: dict[str, Any]
) -> None:
    document = {**changes, **asked, "style": published["demo"].uri, "prompts": ["a fish"], "folder": "sea"}
    with pytest.raises(SpecError, match=words):
        generate(GenerateRequest.model_validate(document))


def test_a_prompt_takes_from_the_request_what_it_leaves_out() -> None:
    document = {
        "style": "s/demo",
        "without": ["bold"],
        "folder": "sea",
        "prompts": [
            "a cat",
            {"content": "a dog", "style_phrase": "in ink"},
            {"content": "a cow", "style": [{"style": "s/navy", "weight": 2}]},
        ],
    }
    demo, navy = (WeightedStyle(style="s/demo"),), (WeightedStyle(style="s/navy", weight=2.0),)
    assert GenerateRequest.model_validate(document).styled_prompts == (
        StyledPrompt(content="a cat", style=demo, without=("bold",)),
        StyledPrompt(content="a dog", style=demo, style_phrase="in ink"),
        StyledPrompt(content="a cow", style=navy),
    )
    with pytest.raises(ValueError, match=r"each phrase once, got \['a cat'\]"):
        GenerateRequest.model_validate({**document, "prompts": ["a cat", "a cat"]})
    with pytest.raises(ValueError, match="got both; keep one"):
        GenerateRequest.model_validate({**document, "style_phrase": "in ink"})
