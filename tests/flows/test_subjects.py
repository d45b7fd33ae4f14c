"""A subject from its images to a published adapter, drawn alone and in a style."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

import styledrop
from data.documents.document import checked
from data.documents.requests import EvaluateRequest, GenerateRequest, read_request
from data.documents.spec import read_spec
from data.documents.style_spec import parse_spec
from data.documents.subject_spec import SubjectSpec
from data.documents.words import Likeness
from data.errors import SpecError
from data.pictures.contact_sheet import GAP_PX, ROW_LABEL_PX
from data.pictures.images import from_png
from data.records.onboarding import PublishedAdapter
from data.records.scores import Gain
from data.records.version import Score
from data.store.candidates import Candidate
from data.store.files import Store
from data.store.published_style import read_document
from data.store.verification import verify_version
from flows.evaluate import evaluate
from flows.generate import generate
from flows.onboard_style import onboard_style, onboard_subject
from tasks.batches.rebuild import plan_rebuild
from tasks.models import open_base, open_scorer
from tasks.onboarding.prepare import prepare
from tasks.published.choose_gamma import GAMMAS, IMAGES, TriedGamma, best_gamma
from tests.published_adapter import load_published

REPOSITORY = Path(__file__).parents[2]


def subject_of(document: Mapping[str, Any]) -> SubjectSpec:
    return checked(SubjectSpec, document, "the spec")


@pytest.fixture
def subject_document(spec_document: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A mug seen three times."""
    references = []
    for number in range(3):
        image = Image.new("RGB", (40, 40), "white")
        ImageDraw.Draw(image).rectangle((8 + number, 10, 24 + number, 34), fill="firebrick")
        image.save(tmp_path / f"mug-{number}.png")
        references.append({"uri": str(tmp_path / f"mug-{number}.png")})
    settings = {**spec_document["first_round"], "learning_rate": 0.5}  # three steps show in the images
    kept = ("licence", "consent", "store", "base", "enlarging", "candidate_sampling", "evaluation_sampling")
    return {
        **{field: spec_document[field] for field in kept},
        "name": "mug", "references": references, "class_word": "mug", "first_round": settings,
        "prompts": ["in ink"], "images_per_prompt": 2, "evaluation_prompts": ["on snow", "in oil"],
        "images_per_evaluation_prompt": 2,
    }  # fmt: skip


@pytest.fixture
def published(
    spec_document: dict[str, Any], subject_document: dict[str, Any], learnt: None
) -> dict[str, PublishedAdapter]:
    """A style and a subject."""
    settings = {**spec_document["first_round"], "learning_rate": 0.5}
    style = {**spec_document, "rounds": 1, "first_round": settings}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tasks.scoring.THRESHOLD", 2.0)  # nobody is there to let a leak pass
        return {
            "style": onboard_style(parse_spec(style)),
            "subject": onboard_subject(subject_of(subject_document)),
        }


def rows_of(request: GenerateRequest) -> list[dict[str, Any]]:
    table = Store(request.store).read_blob(generate(request).table)
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(table)).to_pylist()
    return rows


@pytest.mark.usefixtures("prefect_api")
def test_a_subject_is_published_and_drawn_alone_and_in_a_style(
    published: dict[str, PublishedAdapter], tmp_path: Path, tiny_base_folder: Path
) -> None:
    subject = published["subject"]
    document = read_document(subject.uri)
    assert (document.kind, document.class_word, document.rare_token) == ("subject", "mug", "sks")
    card = json.loads(Store(subject.uri).read("card.json"))
    assert (card["kind"], card["prompts"], card["leak"]) == ("subject", ["sks mug"] * 3, {})
    assert card["verdict"]["likeness"] == "Subject"
    assert not [check for check in verify_version(subject.uri)[1] if check.is_refused]
    page = Store(subject.uri).read("README.md").decode()
    assert "Begin every prompt with `sks mug`." in page
    assert "instance_prompt: sks mug" in page

    asked = {
        "prompts": ["on snow", "in oil"], "images_per_prompt": 2, "sampling": {"steps": 2},
        "store": f"file://{tmp_path}/images", "base": str(tiny_base_folder),
    }  # fmt: skip
    both = {**asked, "style": published["style"].uri, "subject": subject.uri}
    alone = rows_of(GenerateRequest.model_validate({**asked, "subject": subject.uri, "folder": "alone"}))
    styled = rows_of(
        GenerateRequest.model_validate(
            {**asked, "style": published["style"].uri, "prompts": ["mug on snow", "mug in oil"], "folder": "styled"}
        )
    )
    assert alone[0]["prompt"] == "sks mug on snow"
    assert styled[0]["prompt"] == "mug on snow in flat style"
    for gamma, wanted in ((0.0, styled), (1.0, alone)):
        request = GenerateRequest.model_validate({**both, "gamma": gamma, "folder": f"gamma-{gamma:.0f}"})
        drawn = rows_of(request)
        assert [from_png(row["image"]).tobytes() for row in drawn] == [
            from_png(row["image"]).tobytes() for row in wanted
        ]
    between = rows_of(GenerateRequest.model_validate({**both, "gamma": 0.5, "folder": "half"}))
    base = open_base(str(tiny_base_folder))
    again = styledrop.sample(
        base, ["mug on snow in flat style"], seeds=[between[0]["seed"]],
        style=load_published(both["style"], str(tiny_base_folder)),
        content=load_published(subject.uri, str(tiny_base_folder)), content_prompts=["sks mug on snow"],
        guidance=styledrop.Guidance(
            lambda_a=read_document(both["style"]).lambda_a, lambda_content=document.lambda_a, gamma=0.5,
            lambda_b=request.sampling.lambda_b,
        ),
        config=styledrop.SamplingConfig(
            steps=2, temperature=request.sampling.temperature, token_temperature=request.sampling.token_temperature
        ),
    )  # fmt: skip
    assert again.images[0].tobytes() == from_png(between[0]["image"]).tobytes()

    swept = GenerateRequest.model_validate({**both, "prompts": ["on snow"], "images_per_prompt": 9, "folder": "swept"})
    assert len(rows_of(swept)) == 9
    store = Store(swept.store)
    figures = json.loads(store.read("generated/swept/gamma.json"))
    assert [one["gamma"] for one in figures["tried"]] == list(GAMMAS)
    assert figures["gamma"] in GAMMAS
    grid = from_png(store.read("generated/swept/gamma.png"))
    assert grid.height > (2 + len(GAMMAS)) * 96
    assert grid.width == ROW_LABEL_PX + IMAGES * (96 + GAP_PX) + GAP_PX  # so many at each γ, though of one prompt

    for field, uri, words in (
        ("style", subject.uri, "expected a published style, got .* which is a subject"),
        ("subject", published["style"].uri, "expected a published subject, got .* which is a style"),
    ):
        with pytest.raises(SpecError, match=words):
            generate(GenerateRequest.model_validate({**both, field: uri, "folder": "wrong"}))

    scores = evaluate(EvaluateRequest.model_validate({**asked, "style": subject.uri, "prompts": ["at night"]}))
    assert scores.style.round_number == 1
    with pytest.raises(SpecError, match=r"'mug' was not tuned on, got \['mug in ink'\]"):
        evaluate(EvaluateRequest.model_validate({**asked, "style": subject.uri, "prompts": ["in ink"]}))


@pytest.mark.usefixtures("prefect_api", "learnt")
def test_a_subject_is_made_anew_on_another_base(
    subject_document: dict[str, Any], other_base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = onboard_subject(subject_of(subject_document))
    compared: list[tuple[Candidate, Candidate]] = []

    def gain(pairs: list[tuple[Candidate, Candidate]], likeness: Likeness, kind: type[Gain]) -> Gain:
        compared.extend(pairs)
        return Gain.of([0.0, 0.1], [0.1, 0.2], likeness)

    monkeypatch.setattr("tasks.onboarding.rebuild.gain_of", gain)
    [planned] = plan_rebuild.fn(subject_document["store"], str(other_base_folder), (), "").styles
    assert isinstance(planned.spec, SubjectSpec)
    new = onboard_subject(planned.spec)
    document = read_document(new.uri)
    assert (document.kind, document.base_name, document.rebuilt_from) == ("subject", "other", old.version)
    assert not [check for check in verify_version(new.uri)[1] if check.is_refused]
    before = [old for old, _ in compared]
    assert {one.prompt for one in before} == {"sks mug on snow", "sks mug in oil"}
    images = [from_png(one.image) for one in before]
    scores = open_scorer(str(other_base_folder)).score(
        images, [one.prompt.removeprefix("sks ") for one in before], images[:1]
    )
    assert [one.text_score for one in before] == pytest.approx(scores.text.tolist(), abs=1e-5)


@pytest.mark.usefixtures("prefect_api")
def test_a_name_belongs_to_a_style_or_to_a_subject(
    published: dict[str, PublishedAdapter], subject_document: dict[str, Any]
) -> None:
    with pytest.raises(SpecError, match="'disc' is published as a style"):
        prepare.fn(subject_of({**subject_document, "name": "disc"}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"references": [{"uri": "a.png"}] * 2}, "references: expected 3 to 16 images of one thing, got 2"),
        ({"class_word": " "}, "class_word: expected a phrase, got an empty one"),
        ({"evaluation_prompts": ["In ink"]}, r"expected none of the phrases that are tuned on, got \['In ink'\]"),
        ({"kind": "style"}, "kind: input should be 'subject'"),
    ],
)
def test_a_subject_that_cannot_be_onboarded_is_refused(
    change: dict[str, Any], words: str, subject_document: dict[str, Any]
) -> None:
    with pytest.raises(SpecError, match=words):
        subject_of({**subject_document, **change})


def test_the_examples_of_subjects_can_be_used() -> None:
    spec = read_spec(REPOSITORY / "examples/subject.yaml", SubjectSpec)
    assert all(Path(one.uri).is_file() for one in spec.references)
    assert spec.reference_words == (("sks teapot", ""),) * 3
    request = read_request(REPOSITORY / "examples/subject_in_style.yaml", GenerateRequest)
    assert (request.subject, request.gamma, request.prompts) == ("demo-output/styles/teapot", None, ())
    with pytest.raises(ValueError, match="expected a subject to weigh against the style"):
        GenerateRequest.model_validate({"prompts": ["a cat"], "gamma": 0.5, "folder": "sea"})


@pytest.mark.parametrize(
    ("style", "subject", "gamma"),
    [
        ((0.4, 0.3, 0.1), (0.1, 0.4, 0.5), 0.5),
        ((0.4, 0.1, 0.1), (0.1, 0.4, 0.5), 0.0),
        ((0.2, 0.2, 0.2), (0.1, 0.4, 0.5), 1.0),
    ],
)
def test_the_gamma_that_is_fairest_to_both_is_chosen(
    style: tuple[float, ...], subject: tuple[float, ...], gamma: float
) -> None:
    def score(mean: float) -> Score:
        return Score(mean=mean, standard_error=0.01)

    tried = [
        TriedGamma(gamma=at, text=score(0.0), style=score(of_style), subject=score(of_subject))
        for at, of_style, of_subject in zip((0.0, 0.5, 1.0), style, subject, strict=True)
    ]
    assert best_gamma(tried) == gamma
